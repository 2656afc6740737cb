package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

const (
	testKey  = "key-of-the-test-0123456789"
	otherKey = "other-key-of-the-test-0123456789"
	// canary stands in the bad configs wherever people write a key.
	canary = "CANARYcanary0123456789canary"
)

// inTestdata makes the folder of configs the working directory and sets the variables that they name.
func inTestdata(t *testing.T) {
	t.Helper()
	t.Chdir("testdata")
	for name, key := range map[string]string{
		"TEST_KEY": testKey, "SAME_KEY": testKey, "OTHER_KEY": otherKey, "UMLAUT_KEY": "schlüssel",
		"KEY_A": "key-of-a", "KEY_B": "key-of-b", "KEY_C": "key-of-c",
	} {
		t.Setenv(name, key)
	}
}

// badConfig is a file and the exact message that users get for it, without the file's name before each line.
type badConfig struct{ file, want string }

func badConfigs() []badConfig { return slices.Concat(badFile(), badAccount(), badLimit(), badPlant()) }

func TestEachMistakeHasItsExactMessage(t *testing.T) {
	inTestdata(t)
	for _, bad := range badConfigs() {
		t.Run(bad.file, func(t *testing.T) {
			want := bad.file + ":" + strings.ReplaceAll(bad.want, "\n", "\n"+bad.file+":")
			c, err := Load(bad.file)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if c != nil {
				t.Error("a config came with the error")
			}
			if e, ok := errors.AsType[*Error](err); !ok || len(e.Mistakes) == 0 {
				t.Errorf("%T lists no mistakes", err)
			}
			if strings.Contains(want, canary) || strings.Contains(want, testKey) {
				t.Error("the message holds a key")
			}
		})
	}
}

func TestEveryBadConfigIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-*.yml")
	if err != nil {
		t.Fatal(err)
	}
	var tested []string
	for _, bad := range badConfigs() {
		tested = append(tested, "testdata/"+bad.file)
	}
	slices.Sort(tested)
	if !slices.Equal(files, tested) {
		t.Errorf("files and table differ: %d files, %d rows", len(files), len(tested))
	}
}

func TestGoodConfigsLoad(t *testing.T) {
	inTestdata(t)
	files, err := filepath.Glob("good-*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
	}
}

func TestDefaultsFillWhatIsNotSet(t *testing.T) {
	inTestdata(t)
	for _, file := range []string{"good-minimal.yml", "good-empty-blocks.yml", "good-bom.yml"} {
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Accounts[0]; a.Name != "acme" || a.URL.String() != "https://innius.invalid" || a.Key.Variable() != "TEST_KEY" {
			t.Errorf("%s: account %+v", file, a)
		}
		sameAsDefault(t, c)
	}
}

// sameAsDefault compares a config of one account with the code's defaults, but for what has none.
func sameAsDefault(t *testing.T, c *Config) {
	t.Helper()
	want := Default()
	want.Accounts = []Account{DefaultAccount()}
	own := &c.Accounts[0]
	own.Name, own.URL, own.Key = "", nil, KeySource{}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestEveryKeyReachesTheConfig(t *testing.T) {
	inTestdata(t)
	c, err := Load("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	a := c.Accounts[0]
	proxy := a.HTTPClient.ProxyURL
	if a.URL.String() != "https://innius.invalid:8443/v1" || proxy == nil || proxy.String() != "http://proxy.invalid:3128" {
		t.Errorf("URL %s, proxy %v", a.URL, proxy)
	}
	a.URL, a.Key, a.HTTPClient.ProxyURL = nil, KeySource{}, nil
	want := Account{
		Name:      "Werk Süd",
		CompanyID: "ID", CompanyName: "Süd & Co",
		RateLimit: RateLimit{RequestsPerHour: 3600, Burst: 60, Share: 0.5},
		PageSize:  250, Timeout: 90 * time.Second, Concurrency: 8, Lookback: 7 * 24 * time.Hour,
		Endpoints: innius.Endpoints{
			Company: "/me", Machines: innius.DefaultEndpoints.Machines, Sensors: innius.DefaultEndpoints.Sensors,
			Values: "/sensors/{sensor}/values?from={from_ms}",
		},
		Fields: innius.Fields{
			CompanyID: "a", CompanyName: "b", MachineID: "c", MachineName: "d", SensorID: "e", SensorName: "f",
			Unit: "g", Time: "h", Value: "i",
			Machines: "j", Sensors: "k", Values: "l", TimeZone: "Europe/Amsterdam",
		},
		HTTPClient: HTTPClient{
			NoProxy: ".internal", TLS: TLSConfig{ServerName: "api.invalid", MinVersion: 0x0304, InsecureSkipVerify: true},
		},
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
	plant(t, c)
}

func plant(t *testing.T, c *Config) {
	t.Helper()
	anchored := func(text string) *regexp.Regexp { return regexp.MustCompile("^(?s:" + text + ")$") }
	c.Accounts = nil
	want := &Config{
		Discovery: Discovery{
			Interval: 2 * time.Hour,
			Machines: Filter{
				Include: []*regexp.Regexp{anchored("Press.*"), anchored("Mill")}, Exclude: []*regexp.Regexp{anchored("Old.*")},
			},
			Sensors: Filter{Exclude: []*regexp.Regexp{anchored(".*test.*")}},
		},
		Refresh: Refresh{MinInterval: 30 * time.Second, MaxInterval: 2 * time.Hour, StaleAfter: 3 * time.Hour},
		Sensors: []SensorRule{
			{
				Machine: anchored("Press.*"), Sensor: anchored(".*"), MaxAge: 15 * time.Minute, Weight: 10,
				StaleAfter: 2 * time.Hour, Values: map[string]float64{"RUN": 1, "STOP": 0},
			},
			{Sensor: anchored("4711"), Weight: 1},
		},
		Labels: LabelsID,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestPatternsMatchTheWholeText(t *testing.T) {
	c, err := parseText(t, goodText+"discovery: {machines: {include: ['Press|Mill']}}\n")
	if err != nil {
		t.Fatal(err)
	}
	re := c.Discovery.Machines.Include[0]
	for text, want := range map[string]bool{"Press": true, "Mill": true, "Press 1": false, "Old Mill": false, "Press\nMill": false} {
		if re.MatchString(text) != want {
			t.Errorf("%q: match is not %t", text, want)
		}
	}
}

func TestRelativePathsStartAtTheConfigFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secrets", "key"), testKey+"\n")
	file := filepath.Join(dir, "config.yml")
	write(t, file, strings.Replace(goodText, "api_key_env: TEST_KEY", "api_key_file: secrets/key", 1))
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.Accounts[0].Key.Key(); err != nil || key.Reveal() != testKey {
		t.Errorf("key of %d bytes, %v", len(key.Reveal()), err)
	}
}

func TestAFileThatCannotBeReadIsTheFileSystemsError(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "absent.yml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "absent.yml") {
		t.Error(err)
	}
}

func TestAHugeFileIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "huge.yml")
	write(t, file, "#"+strings.Repeat("x", maxFile))
	if _, err := Load(file); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}

func TestAnErrorOfThousandsOfMistakesStaysReadable(t *testing.T) {
	_, err := parseText(t, goodText+"sensors:\n"+strings.Repeat("  - 1\n", 1000))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxShown+1 || lines[maxShown] != "and 900 more mistakes" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

// goodText is a config that loads with TEST_KEY.
const goodText = "accounts:\n  - name: acme\n    url: https://innius.invalid\n    api_key_env: TEST_KEY\n"

func parseText(t testing.TB, text string) (*Config, error) {
	t.Helper()
	getenv := func(name string) string { return map[string]string{"TEST_KEY": testKey}[name] }
	return parse([]byte(text), "config.yml", outside{getenv: getenv, read: readAtMost})
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheShareHoldsForTheBurstToo(t *testing.T) {
	r := RateLimit{RequestsPerHour: 1000, Burst: 30, Share: 0.5}
	if r.Own() != 500 || r.OwnBurst() != 15 || (RateLimit{Burst: 1, Share: 0.1}).OwnBurst() != 1 {
		t.Errorf("%g requests an hour, burst %d", r.Own(), r.OwnBurst())
	}
}
