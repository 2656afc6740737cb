package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/config"
)

// 40 sensors that report every minute are known; a rule keeps 11 of them from the receivers.
func TestCheckConfigShowsWhatReceiversGet(t *testing.T) {
	t.Setenv("TEST_KEY", "key-of-the-test-0123456789")
	file := filepath.Join(t.TempDir(), "config.yml")
	text := `
accounts: [{name: first, url: https://one.invalid, api_key_env: TEST_KEY}]
sensors: [{sensor: s1.*, remote_write: false}]
remote_write:
  - {url: 'https://receiver.invalid/write?token=canary', external_labels: {site: tilburg, area: '"1"'}, headers: {X-Token: canary}}
  - {name: small, url: https://other.invalid, spool: 8MiB}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const maximum = "2280000 per day at most: a page of new ones with each request "
	for _, c := range []struct {
		p    Planning
		want []string
	}{
		{Planning{}, []string{
			`receiver "receiver.invalid": https://receiver.invalid/write?<secret> readings ` + maximum +
				`labels company, machine, sensor, area="\"1\"", site="tilburg" spool 1GiB, enough for an outage of at least 1d 2h`,
			`receiver "small": https://other.invalid readings ` + maximum +
				"labels company, machine, sensor spool 8MiB, enough for an outage of at least 12m",
		}},
		{Planning{Sensors: 5}, []string{"https://receiver.invalid/write?<secret> readings 2280000 per day at most"}},
		{Planning{StoragePath: keep(t)}, []string{
			"readings 41760 per day as planned, of 29 sensors; " + maximum, "spool 1GiB, enough for an outage of at least 58d 10h",
		}},
	} {
		var out strings.Builder
		if err := (&ConfigCheck{Planning: &c.p}).Run(config.Source{File: file}, &out); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is shown:\n%s", out.String())
		}
	}
}
