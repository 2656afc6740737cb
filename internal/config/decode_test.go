package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/units"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
)

// wantDefaults compares a config of one account with the defaults, except for the keys that have none.
func wantDefaults(t *testing.T, c *Config) {
	t.Helper()
	got, want := *c, Default()
	want.Accounts = []Account{DefaultAccount()}
	got.Accounts = []Account{c.Accounts[0]}
	a := &got.Accounts[0]
	a.Name, a.URL, a.KeyFile, a.KeyEnv, a.Key = "", nil, "", "", KeySource{}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLoadFillsInDefaults(t *testing.T) {
	inTestdata(t)
	for _, file := range []string{"good-minimal.yml", "good-empty-blocks.yml", "good-bom.yml"} {
		c, err := loadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Accounts[0]; a.Name != "acme" || a.URL.String() != "https://innius.invalid" || a.KeyEnv != "TEST_KEY" {
			t.Errorf("%s: account %+v", file, a)
		}
		wantDefaults(t, c)
	}
}

func TestLoadSetsEachKey(t *testing.T) {
	inTestdata(t)
	c, err := loadFile("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	a := &c.Accounts[0]
	proxy := a.HTTPClient.ProxyURL
	if a.URL.String() != "https://innius.invalid:8443/v1" || proxy == nil || proxy.String() != "http://proxy.invalid:3128" {
		t.Errorf("URL %s, proxy %v", a.URL, proxy)
	}
	a.URL, a.Key, a.HTTPClient.ProxyURL = nil, KeySource{}, nil
	want := &Config{
		Accounts: []Account{{
			Name: "Werk Süd", KeyFile: "key.txt", CompanyID: "ID", CompanyName: "Süd & Co",
			RateLimit: RateLimit{RequestsPerHour: 3600, Burst: 60, Share: 0.5},
			PageSize:  250, Timeout: 90 * time.Second, Concurrency: 8, Lookback: 7 * 24 * time.Hour,
			Endpoints: innius.Endpoints{
				Company: "/me", Machines: innius.DefaultEndpoints.Machines, Sensors: innius.DefaultEndpoints.Sensors,
				Values: "/sensors/{sensor}/values?from={from_ms}",
			},
			Fields: innius.Fields{
				CompanyID: "a", CompanyName: "b", MachineID: "c", MachineName: "d", SensorID: "e", SensorName: "f",
				Unit: "g", Time: "h", Value: "i", Machines: "j", Sensors: "k", Values: "l", TimeZone: "Europe/Amsterdam",
			},
			HTTPClient: HTTPClient{NoProxy: ".internal", TLS: TLSConfig{ServerName: "api.invalid", MinVersion: "TLS13", InsecureSkipVerify: true}},
		}},
		Discovery: Discovery{
			Interval: 2 * time.Hour,
			Machines: match.Filter{
				Include: []match.Pattern{match.MustCompile("Press.*"), match.MustCompile("Mill")},
				Exclude: []match.Pattern{match.MustCompile("Old.*")},
			},
			Sensors: match.Filter{Exclude: []match.Pattern{match.MustCompile(".*test.*")}},
		},
		Refresh: Refresh{MinInterval: 30 * time.Second, MaxInterval: 2 * time.Hour, StaleAfter: 3 * time.Hour, SilentAfter: 20 * time.Minute, Complete: true},
		Sensors: []SensorRule{
			{
				Machine: match.MustCompile("Press.*"), Sensor: match.MustCompile(".*"), MaxAge: 15 * time.Minute, Weight: 10,
				StaleAfter: 2 * time.Hour, SilentAfter: time.Hour, Values: map[string]float64{"RUN": 1, "STOP": 0},
				Extremes: true, States: []string{"RUN", "STOP"},
			},
			{Sensor: match.MustCompile("4711"), Weight: 1, RemoteWrite: true},
		},
		Labels: "id",
		RemoteWrite: []RemoteWrite{
			{
				Name: "central", URL: address(t, "http://127.0.0.1:9090/api/v1/write?a=b&c"), ExternalLabels: map[string]string{"site": "Süd"},
				Headers: map[string]innius.Secret{"X-Scope-OrgID": innius.NewSecret("plant")}, AllowHTTP: true, Timeout: time.Minute, Spool: 512 * units.MiB,
				HTTPClient: ReceiverClient{
					HTTPClient: HTTPClient{ProxyFromEnvironment: true, TLS: TLSConfig{MinVersion: "TLS13"}},
					BasicAuth:  BasicAuth{Username: "me", PasswordFile: "password.txt"},
				},
			},
			{
				Name: "other.invalid:8443", URL: address(t, "https://other.invalid:8443/a%20b"), Timeout: 30 * time.Second, Spool: units.GiB,
				HTTPClient: ReceiverClient{
					HTTPClient:    HTTPClient{ProxyFromEnvironment: true, TLS: TLSConfig{MinVersion: "TLS12"}},
					Authorization: Authorization{Type: "Token", CredentialsFile: "password.txt"},
				},
			},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	text := read(t, "good-full.yml")
	for k := range keysOf(reflect.TypeFor[Config](), "") {
		name := k.path[strings.LastIndex(k.path, ".")+1:]
		if !strings.Contains(text, name+":") && name != "api_key_env" && !strings.HasSuffix(name, "_file") {
			t.Errorf("good-full.yml does not set %s", k.path)
		}
	}
}

func address(t *testing.T, text string) Address {
	t.Helper()
	a, err := parseAddress(text, []string{"http", "https"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadAcceptsHTTPForLoopbackOnly(t *testing.T) {
	inTestdata(t)
	if _, err := loadFile("good-loopback.yml"); err != nil {
		t.Error(err)
	}
	for host, ok := range map[string]bool{"LOCALHOST:18999": true, "[::1]": true, "localhost.invalid": false, "128.0.0.1": false} {
		c, err := parseText(t, strings.Replace(goodText, "https://innius.invalid", "http://"+host+"/v1", 1))
		if ok != (err == nil) {
			t.Errorf("%s: %v", host, err)
		}
		if !ok || err != nil {
			continue
		}
		options := innius.Options{BaseURL: c.Accounts[0].URL, Key: c.Accounts[0].Key.Key, Pacer: innius.NewPacer(1, 1)}
		if _, err := innius.New(options); err != nil {
			t.Errorf("%s: the config is valid, but no client can be made: %v", host, err)
		}
	}
}

func TestLoadResolvesPathsFromTheConfigFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secrets", "key"), testKey+"\n")
	file := filepath.Join(dir, "config.yml")
	write(t, file, strings.Replace(goodText, "api_key_env: TEST_KEY", "api_key_file: secrets/key", 1))
	c, err := loadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, c.Accounts[0].Key, testKey)
}

func TestRateLimitOwnIsTheShare(t *testing.T) {
	r := RateLimit{RequestsPerHour: 1000, Burst: 30, Share: 0.5}
	if r.Own() != 500 || r.OwnBurst() != 15 || (RateLimit{Burst: 1, Share: 0.1}).OwnBurst() != 1 {
		t.Errorf("%g requests per hour, burst %d", r.Own(), r.OwnBurst())
	}
}

func TestAccountWithSetsKnownKeysOnly(t *testing.T) {
	before := DefaultAccount()
	after, err := before.With("endpoints.values", "/v")
	if err != nil || after.Endpoints.Values != "/v" || before.Endpoints.Values == "/v" {
		t.Errorf("got %q, %v; before: %q", after.Endpoints.Values, err, before.Endpoints.Values)
	}
	for key, value := range map[string]string{"endpoints": "/v", "name.first": "x", "none": "x", "page_size": "0", "key": "x", "url": ":"} {
		if _, err := before.With(key, value); err == nil {
			t.Errorf("%s: %s is accepted", key, value)
		}
	}
}
