package grafana

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the dashboard files")

// marshal returns the content of the dashboard's file.
func marshal(t *testing.T, d Dashboard) []byte {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d.JSON); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFilesMatchTheCode(t *testing.T) {
	for _, d := range Dashboards() {
		if *update {
			if err := os.WriteFile(d.File(), marshal(t, d), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if file, err := os.ReadFile(d.File()); err != nil || !bytes.Equal(file, marshal(t, d)) {
			t.Errorf("%s does not match the code (%v): run make dashboards", d.File(), err)
		}
	}
}
