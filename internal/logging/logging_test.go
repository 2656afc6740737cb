package logging

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestLinesBeginWithTimeLevelAndMessage(t *testing.T) {
	for _, row := range []struct{ format, level, want string }{
		{"logfmt", "info", `^time=\S+ level=info msg=hello machine="Press 1" count=3 whole=true wait=1m30s\n$`},
		{"logfmt", "error", `^$`},
		{"json", "debug", `^{"time":"[^"]+","level":"info","msg":"hello","machine":"Press 1","count":3,"whole":true,"wait":"1m30s"}\n$`},
		{"json", "warn", `^$`},
	} {
		out := new(strings.Builder)
		logger := New(out, row.level, row.format)
		logger.Info("hello", "machine", "Press 1", "count", 3, "whole", true, "wait", 90*time.Second)
		if !regexp.MustCompile(row.want).MatchString(out.String()) {
			t.Errorf("%s at %s: %q does not match %s", row.format, row.level, out, row.want)
		}
		if row.format == "json" && out.Len() > 0 && !json.Valid([]byte(out.String())) {
			t.Errorf("not JSON: %q", out)
		}
	}
}
