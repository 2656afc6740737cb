package docs_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestMemoryLimitsOfPackagesLeaveRoomForGo(t *testing.T) {
	for file, limit := range map[string]string{
		"packaging/kubernetes/statefulset.yaml":     `limits:\s+memory: (\d+)Mi`,
		"packaging/systemd/innius_exporter.service": `MemoryMax=(\d+)M\n`,
		"docs/compose.yaml":                         `mem_limit: (\d+)m\n`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		number := func(pattern string) int {
			match := regexp.MustCompile(pattern).FindSubmatch(text)
			if match == nil {
				t.Fatalf("%s: no %s", file, pattern)
			}
			n, _ := strconv.Atoi(string(match[1]))
			return n
		}
		if most, soft := number(limit), number(`GOMEMLIMIT[=:]?\s*(?:value: )?(\d+)MiB`); soft != most*9/10 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB of %d", file, soft, most)
		}
	}
}
