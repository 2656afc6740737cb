package app

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"innius_exporter/internal/config"
)

// A key that is declared and documented, but not used, has no effect. Rules are converted as a whole, which the compiler checks.
func TestWireUsesEachKeyOfTheConfig(t *testing.T) {
	var code []byte
	for _, file := range []string{"wire.go", "receivers.go", "../config/http_client.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, text...)
	}
	for _, block := range []reflect.Type{
		reflect.TypeFor[config.Config](), reflect.TypeFor[config.Account](), reflect.TypeFor[config.HTTPClient](),
		reflect.TypeFor[config.TLSConfig](), reflect.TypeFor[config.RemoteWrite](), reflect.TypeFor[config.Discovery](), reflect.TypeFor[config.Refresh](),
	} {
		for f := range block.Fields() {
			if f.Name == "KeyFile" || f.Name == "KeyEnv" {
				continue // Key is made of them
			}
			if !regexp.MustCompile(`\.` + f.Name + `\b`).Match(code) {
				t.Errorf("wire.go does not use %s of %s", f.Name, block)
			}
		}
	}
}
