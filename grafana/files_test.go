package grafana

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the files of the dashboards")

// written is a dashboard as its file has it.
func written(t *testing.T, d Dashboard) []byte {
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

func TestTheFilesAreWhatIsMade(t *testing.T) {
	for _, d := range Dashboards() {
		if *update {
			if err := os.WriteFile(d.File(), written(t, d), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if file, err := os.ReadFile(d.File()); err != nil || !bytes.Equal(file, written(t, d)) {
			t.Errorf("%s is not what is made (%v): run make dashboards", d.File(), err)
		}
	}
}
