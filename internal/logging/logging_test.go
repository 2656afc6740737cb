package logging

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFormatsAndLevels(t *testing.T) {
	for _, row := range []struct{ format, level, want string }{
		{"logfmt", "info", "level=info"},
		{"logfmt", "error", ""},
		{"json", "debug", `"level":"info"`},
	} {
		out := new(strings.Builder)
		logger, err := New(out, row.level, row.format)
		if err != nil {
			t.Fatal(err)
		}
		logger.Info("hello", "machine", "Press 1")
		if row.want == "" && out.Len() > 0 || !strings.Contains(out.String(), row.want) {
			t.Errorf("%s at %s: %q, want %q in it", row.format, row.level, out, row.want)
		}
		if row.format == "json" && !json.Valid([]byte(out.String())) {
			t.Errorf("no JSON: %q", out)
		}
	}
}

func TestUnknownLevelAndFormatSayWhatToUse(t *testing.T) {
	if _, err := New(nil, "loud", "json"); err == nil || err.Error() != `log level "loud": use debug, info, warn or error` {
		t.Errorf("got %v", err)
	}
	if _, err := New(nil, "info", "xml"); err == nil || err.Error() != `log format "xml": use logfmt or json` {
		t.Errorf("got %v", err)
	}
}
