package simulator

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFormatWritesCompanyForms(t *testing.T) {
	for form, want := range map[CompanyForm]string{
		CompanyListed:   `[{"domain":"acme","name":"Acme"}]`,
		CompanyNested:   `{"company":{"domain":"acme","name":"Acme"}}`,
		CompanyText:     `"acme"`,
		CompanyTextList: `["acme"]`,
	} {
		shown(t, Format{Company: form}, map[string]string{"/companies/me": `{"data":` + want + `}`})
	}
}

func TestFormatWritesEmptyLists(t *testing.T) {
	for form, want := range map[EmptyForm]string{
		EmptyNull:       `{"data":{"items":null},"next_key":null}`,
		EmptyDataNull:   `{"data":null,"next_key":null}`,
		EmptyNoData:     `{"next_key":null}`,
		EmptyBraces:     `{}`,
		EmptyDataObject: `{"data":{},"next_key":null}`,
		EmptyHolderNull: `{"data":{"values":null},"next_key":null}`,
	} {
		shown(t, Format{Empty: form, Shape: Items}, map[string]string{oddValues: want})
	}
	visit(t, small(), Options{Format: Format{Empty: EmptyNoContent}}, func(_ *testing.T, v *visitor) {
		v.is(v.get(machinesPath+"/m2/sensors"), http.StatusNoContent)
	})
}

func TestFormatPlacesListsAndKeys(t *testing.T) {
	shown(t, Format{Holder: "datapoints", SecondList: "alarms", KeyObject: "paging"}, map[string]string{
		machinesPath + "?limit=1": `{"data":{"alarms":[{"code":"A-1","text":"door open"}],"datapoints":[{"machineid":"m1","name":"One"}]},"paging":{"next_key":2}}`,
	})
	shown(t, Format{Shape: Items, KeyInData: true, KeyObject: "meta", KeyPrefix: "k-"}, map[string]string{
		machinesPath + "?limit=1":               `{"data":{"items":[{"machineid":"m1","name":"One"}],"meta":{"next_key":"k-2"}}}`,
		machinesPath + "?limit=1&start_key=k-2": `{"data":{"items":[{"machineid":"m2"}],"meta":{"next_key":null}}}`,
	})
	shown(t, Format{NoNextKey: true}, map[string]string{machinesPath + "?limit=1": `{"data":[{"machineid":"m1","name":"One"}]}`})
	shown(t, Format{Sparse: 2}, map[string]string{
		machinesPath:                  `{"data":[],"next_key":2}`,
		machinesPath + "?start_key=2": `{"data":[],"next_key":3}`,
		machinesPath + "?start_key=3": `{"data":[{"machineid":"m1","name":"One"},{"machineid":"m2"}],"next_key":null}`,
	})
	shown(t, Format{Sparse: 2}, map[string]string{
		fastValues: `{"data":[],"next_key":9466848012}`,
		fastValues + "?start_key=9466848013&limit=1": `{"data":[{"t":946684801000,"v":946684801}],"next_key":9466848001}`,
	})
}

func TestFormatWritesPairsDecimalsAndBlocks(t *testing.T) {
	shown(t, Format{Pairs: true, Decimal: Comma, Order: Blocks}, map[string]string{
		fastValues: `{"data":[[946684800000,"946684800,0"],[946684801000,"946684801,0"]],"next_key":null}`,
	})
	shown(t, Format{Decimal: Percent}, map[string]string{fastValues + "?limit=1": `{"data":[{"t":946684801000,"v":"946684801%"}],"next_key":946684801}`})
}

func TestFormatWritesTimesInText(t *testing.T) {
	for form, want := range map[TimeForm]string{
		OffsetMinutes: "2000-01-01T00:00:01+0000",
		OffsetHours:   "2000-01-01T00:00:01+00",
		SpaceUTC:      "2000-01-01 00:00:01 UTC",
		BasicForm:     "20000101T000001Z",
		NoSeconds:     "2000-01-01T00:00Z",
		ZoneID:        "2000-01-01T00:00:01Z[UTC]",
		EastOffset:    "2000-01-01T01:00:01+0100",
		Zoneless:      "2000-01-01T02:00:01",
	} {
		f := Format{Time: form, Zone: time.FixedZone("two", 7200)}
		shown(t, f, map[string]string{fastValues + "?limit=1": `{"data":[{"t":"` + want + `","v":946684801}],"next_key":946684801}`})
	}
}

func TestServerRefusesWhatTheFormatForbids(t *testing.T) {
	f := Format{
		Paths:        Paths{Company: "/me", Values: "/v/{sensor}"},
		Parameters:   Parameters{Limit: "size", From: "start", To: "end", Strict: true},
		GatewayPaths: true,
		Window:       Window{Unit: EpochSeconds, Max: time.Hour, Exclusive: true, RefuseFuture: true, NotFound: true},
	}
	visit(t, small(), Options{Format: f}, func(t *testing.T, v *visitor) {
		time.Sleep(10 * time.Second)
		for path, want := range map[string]string{
			"/companies/me":                         `{"message":"Missing Authentication Token"}`,
			"/me":                                   `{"data":{"domain":"acme","name":"Acme"}}`,
			"/v/fast?limit=1":                       `{"message":"unknown parameter limit; known are size, start_key, start, end"}`,
			"/v/fast?start=x":                       `{"message":"start must be epoch seconds"}`,
			"/v/fast?start=946684811":               `{"message":"start must not be in the future"}`,
			"/v/fast?start=946684805&end=946684804": `{"message":"start must not be later than end"}`,
			"/v/fast?start=946600000&end=946684804": `{"message":"the range from start to end must be at most 1h0m0s"}`,
			"/v/fast?start=946684810":               `{"message":"no values in range"}`,
			"/v/fast?start=946684808&end=946684810": `{"data":[{"t":946684810000,"v":946684810},{"t":946684809000,"v":946684809}],"next_key":null}`,
		} {
			if g := v.get(path); g.body != want {
				t.Errorf("%s\n got %s\nwant %s", path, g.body, want)
			}
		}
	})
	f = Format{Window: Window{Ignored: true}, History: 2 * time.Second}
	shown(t, f, map[string]string{fastValues + "?from=x&to=1": `{"data":[{"t":946684801000,"v":946684801},{"t":946684800000,"v":946684800}],"next_key":null}`})
}

func TestServerStatesAWaitWithUnavailable(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.server.Inject(Fault{Kind: Unavailable, RetryAfter: "30", Times: 1})
		if g := v.get(fastValues); g.status != http.StatusServiceUnavailable || g.header.Get("Retry-After") != "30" {
			t.Errorf("status %d, header %v", g.status, g.header)
		}
		time.Sleep(time.Second)
		v.is(v.get(fastValues), http.StatusOK)
		if s := v.server.Stats(); s.TooEarly != 1 {
			t.Errorf("%d requests too early, want 1", s.TooEarly)
		}
	})
}

func TestFormatKnowsTheDigitsOfItsTimes(t *testing.T) {
	at := time.Date(2000, 1, 1, 0, 1, 30, 123456789, time.UTC)
	for form, want := range map[TimeForm]string{NoSeconds: "00:01:00", WholeSeconds: "00:01:30", Milliseconds: "00:01:30.123", ZoneID: "00:01:30.123456789"} {
		if got := (Format{Time: form}).Written(at).Format("15:04:05.999999999"); got != want {
			t.Errorf("form %d: got %s, want %s", form, got, want)
		}
	}
}

func TestOptionsDescribe(t *testing.T) {
	const key = "key-of-the-test"
	for _, c := range []struct {
		name          string
		options       Options
		settings      map[string]any
		inexpressible string
	}{
		{"default", Options{}, map[string]any{}, ""},
		{"ascending", Options{Format: Format{Order: Ascending}}, map[string]any{
			"endpoints.values": "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}",
		}, ""},
		{"ignored window", Options{Format: Format{Order: Ascending, Window: Window{Ignored: true}}}, map[string]any{}, ""},
		{"names", Options{
			Limits: Limits{MaxPage: 50},
			Format: Format{
				Paths: Paths{Values: "/v/{sensor}"}, Parameters: Parameters{Limit: "size", StartKey: "cursor", From: "start", To: "end"},
				NeedWindow: true, Window: Window{Unit: TimeText, Max: time.Hour},
			},
		}, map[string]any{
			"endpoints.machines": "/companies/{company}/machines?size={limit}&cursor={start_key}",
			"endpoints.sensors":  "/companies/{company}/machines/{machine}/sensors?size={limit}&cursor={start_key}",
			"endpoints.values":   "/v/{sensor}?size={limit}&cursor={start_key}&start={from_rfc3339}&end={to_rfc3339}",
			"page_size":          50, "lookback": "1h0m0s",
		}, ""},
		{"fields", Options{Format: Format{
			Fields: Fields{SensorID: "tag", Value: "V"}, Extra: Extra{Reading: map[string]any{"time": 1}},
			Holder: "points", SecondList: "alarms", Time: Zoneless,
		}}, map[string]any{
			"fields.sensor_id": "tag", "fields.time": "t", "fields.time_zone": "UTC",
			"fields.machines": "points", "fields.sensors": "points", "fields.values": "points",
		}, ""},
		{"comma", Options{Format: Format{Decimal: Comma}}, map[string]any{}, "comma"},
		{"percent", Options{Format: Format{Decimal: Percent}}, map[string]any{}, "percent"},
		{"key", Options{Key: key, Format: Format{KeyPrefix: key}}, map[string]any{}, "returned the key"},
	} {
		settings, inexpressible := c.options.Describe()
		if !maps.Equal(settings, c.settings) || (c.inexpressible == "") != (inexpressible == "") || !strings.Contains(inexpressible, c.inexpressible) {
			t.Errorf("%s:\n got %v %q\nwant %v %q", c.name, settings, inexpressible, c.settings, c.inexpressible)
		}
	}
}
