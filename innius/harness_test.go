package innius_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// canary is the key of all tests: both cases of letters, and characters that a URL escapes.
const canary = "Canary+7f/3A-9e=41"

// noon is when most stories begin: a moment whose epoch has ten digits of seconds, unlike that of a fresh bubble.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// atNoon runs a test in virtual time that begins at noon.
func atNoon(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon()))
		story(t)
	})
}

func keyIs(key string) func() (innius.Secret, error) {
	return func() (innius.Secret, error) { return innius.NewSecret(key), nil }
}

// dial makes a client of a handler, over pipes.
func dial(t *testing.T, h http.Handler, change ...func(*innius.Options)) *innius.Client {
	t.Helper()
	httpClient, closeAll := simulator.Pipe(h)
	t.Cleanup(closeAll)
	opts := innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "innius.test", Path: "/v1/"}, AllowHTTP: true,
		Key: keyIs(canary), Pacer: innius.NewPacer(3.6e9, 1000), HTTPClient: httpClient, UserAgent: "innius_exporter/test",
	}
	for _, c := range change {
		c(&opts)
	}
	c, err := innius.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// simulated makes a client of a simulated API, and checks at the end that the key went where it belongs.
func simulated(t *testing.T, p simulator.Plant, o simulator.Options, change ...func(*innius.Options),
) (*innius.Client, *simulator.Server) {
	t.Helper()
	o.Key, o.BasePath = canary, "/v1"
	server := simulator.New(p, o)
	t.Cleanup(func() {
		if n := server.Stats().KeyExposed; n != 0 {
			t.Errorf("%d requests showed the key outside its header", n)
		}
	})
	return dial(t, server, change...), server
}

func pageSize(n int) func(*innius.Options) { return func(o *innius.Options) { o.PageSize = n } }

func valuesAt(template string) func(*innius.Options) {
	return func(o *innius.Options) { o.Endpoints.Values = template }
}

// collect reads all pages from a start key on; at most a thousand.
func collect[T any](key string, read func(key string) (innius.Page[T], error)) (all []T, err error) {
	for range 1000 {
		page, err := read(key)
		if all = append(all, page.Items...); err != nil || page.Next == "" {
			return all, err
		}
		key = page.Next
	}
	return all, errors.New("more than a thousand pages")
}

func allMachines(t *testing.T, c *innius.Client, company, key string) ([]innius.Machine, error) {
	t.Helper()
	return collect(key, func(key string) (innius.Page[innius.Machine], error) { return c.Machines(t.Context(), company, key) })
}

func allSensors(t *testing.T, c *innius.Client, company, machine, key string) ([]innius.Sensor, error) {
	t.Helper()
	return collect(key, func(key string) (innius.Page[innius.Sensor], error) {
		return c.Sensors(t.Context(), company, machine, key)
	})
}

// call is one operation as a test calls it, whatever its result.
type call struct {
	name string
	send func(t *testing.T, c *innius.Client) error
}

// calls are the four operations.
func calls() []call {
	ref := innius.SensorRef{Company: "acme", Machine: "press", Sensor: "oil"}
	return []call{
		{"company", func(t *testing.T, c *innius.Client) error { _, err := c.Company(t.Context()); return err }},
		{"machines", func(t *testing.T, c *innius.Client) error {
			_, err := allMachines(t, c, "acme", "")
			return err
		}},
		{"sensors", func(t *testing.T, c *innius.Client) error {
			_, err := allSensors(t, c, "acme", "press", "")
			return err
		}},
		{"values", func(t *testing.T, c *innius.Client) error {
			_, err := c.Newest(t.Context(), ref, time.Time{}, innius.Cursor{})
			return err
		}},
	}
}

// plantOf is a company with one machine, "press", and these sensors.
func plantOf(sensors ...simulator.Sensor) simulator.Plant {
	return simulator.Plant{Company: simulator.Company{
		ID: "acme", Name: "ACME", Machines: []simulator.Machine{{ID: "press", Name: "Press", Sensors: sensors}},
	}}
}

// refTo names a sensor of plantOf.
func refTo(sensor string) innius.SensorRef {
	return innius.SensorRef{Company: "acme", Machine: "press", Sensor: sensor}
}

// want compares by what %+v prints, which is what a person compares.
func want(t *testing.T, what string, got, expected any) {
	t.Helper()
	if g, e := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", expected); g != e {
		t.Errorf("%s:\n got %s\nwant %s", what, g, e)
	}
}

// isA reports whether an error is, or wraps, a type.
func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// typed returns the error of a type that err must be or wrap.
func typed[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got %T %v, want %T", err, err, e)
	}
	return e
}
