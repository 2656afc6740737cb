package grafana

import (
	"regexp"
	"testing"
)

// replaceUnits replaces a unit as the chain of label_replace does.
func replaceUnits(text string) string {
	for _, u := range units {
		text = regexp.MustCompile("^(?:"+u.written+")$").ReplaceAllString(text, u.grafana)
	}
	return text
}

func TestUnitsBecomeIDsOfGrafana(t *testing.T) {
	for written, want := range map[string]string{
		"°C": "celsius", "bar": "pressurebar", "%": "percent", "A": "amp", "rpm": "rotrpm", "rpm/min": "rotrpm", "kWh": "kwatth",
		"m/s": "velocityms", "l/min": "flowlpm", "1": "none", "no unit": "none", "": "none", "m": "lengthm", "s": "s",
		"mm/s": "mm/s", "pcs": "pcs", "kg": "kg", "µS/cm": "µS/cm", "h": "suffix:h", "d": "suffix:d",
	} {
		if got := replaceUnits(written); got != want {
			t.Errorf("%q becomes %q, not %q", written, got, want)
		}
	}
}

func TestUnitIsReplacedOnce(t *testing.T) {
	for _, u := range units {
		if got := replaceUnits(u.grafana); got != u.grafana && u.grafana != "suffix:$1" {
			t.Errorf("%q becomes %q", u.grafana, got)
		}
	}
}
