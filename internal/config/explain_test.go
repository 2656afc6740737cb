package config

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func explain(t *testing.T, c *Config, sensors int) string {
	t.Helper()
	var w bytes.Buffer
	c.Explain(&w, sensors)
	return w.String()
}

func TestExplainTellsEverySetting(t *testing.T) {
	inTestdata(t)
	c, err := Load("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("explain-full.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(t, c, 500); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExplainTellsTheRoundOfSensors(t *testing.T) {
	c, err := parseText(t, goodText)
	if err != nil {
		t.Fatal(err)
	}
	for sensors, want := range map[int]string{
		500: "each of 500 sensors every 31m35s (500 / 950 an hour)\n",
		1:   "each of 1 sensors every 3.79s (1 / 950 an hour); min_interval makes it 10s\n",
	} {
		if got := explain(t, c, sensors); !strings.Contains(got, want) {
			t.Errorf("%d sensors: no %q in\n%s", sensors, want, got)
		}
	}
	if got := explain(t, c, 0); strings.Contains(got, "round  ") {
		t.Error("a round is told without a number of sensors")
	}
}

func TestExplainWarnsOfWhatShowsTheKey(t *testing.T) {
	c, err := parseText(t, strings.Replace(goodText, "https", "http", 1)+"    allow_http: true\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(t, c, 0); !strings.Contains(got, "the key travels over http:// and can be read on the way") {
		t.Error(got)
	}
}

func TestExplainBearsTheSlowestAllowance(t *testing.T) {
	c, err := parseText(t, goodText+"    rate_limit: {requests_per_hour: 1e-300}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(t, c, 1000); strings.Contains(got, "every -") {
		t.Error(got)
	}
}
