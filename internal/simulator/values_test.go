package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// valuesPage is a page of values as the client of these tests reads it: milliseconds, and any key.
type valuesPage struct {
	Data []struct {
		T int64
		V any
	}
	Next any `json:"next_key"`
}

// query makes "?limit=…" with a start_key where there is one.
func query(limit int, key any) string {
	q := url.Values{"limit": {fmt.Sprint(limit)}}
	switch key := key.(type) {
	case string:
		q.Set("start_key", key)
	case json.Number:
		q.Set("start_key", key.String())
	}
	return "?" + q.Encode()
}

func (v *visitor) values(path string, limit int, key any) valuesPage {
	v.t.Helper()
	g := v.get(path + query(limit, key))
	v.is(g, http.StatusOK)
	var p struct {
		valuesPage
		Next json.RawMessage `json:"next_key"`
	}
	v.decode(g, &p)
	p.valuesPage.Next = nil
	if len(p.Next) > 0 && p.Next[0] == '"' {
		var text string
		_ = json.Unmarshal(p.Next, &text)
		p.valuesPage.Next = text
	} else if string(p.Next) != "null" {
		p.valuesPage.Next = json.Number(p.Next)
	}
	return p.valuesPage
}

func TestReadingsThatDoNotExistAreLeftOut(t *testing.T) {
	for _, o := range []Order{Ascending, Descending} {
		visit(t, small(), Options{Format: Format{Order: o, History: time.Hour}}, func(t *testing.T, v *visitor) {
			seen := map[int64]bool{}
			for key, pages := any(nil), 0; pages == 0 || key != nil; pages++ {
				p := v.values(oddValues, 7, key)
				key = p.Next
				for _, r := range p.Data {
					seen[r.T] = true
				}
			}
			if len(seen) != 30 {
				t.Errorf("order %d: %d readings in an hour of odd minutes, want 30", o, len(seen))
			}
		})
	}
}

// A sensor that never reported must not cost a walk through its month at each request.
func TestSilenceIsWalkedOnce(t *testing.T) {
	p := small()
	calls := 0
	p.Company.Machines[0].Sensors[0].Exists = func(time.Time) bool { calls++; return false }
	visit(t, p, Options{Format: Format{History: 3 * day}}, func(t *testing.T, v *visitor) {
		for range 100 {
			if got := v.values(fastValues, 10, nil); len(got.Data) != 0 || got.Next != nil {
				t.Fatalf("%v", got)
			}
			time.Sleep(10 * time.Second)
		}
		if calls > month/10+1000 {
			t.Errorf("%d readings were looked at", calls)
		}
	})
}

func TestVisibilityFollowsDelayBatchAndSkew(t *testing.T) {
	newest := func(s Sensor) (age time.Duration) {
		p := small()
		s.ID = "fast"
		p.Company.Machines[0].Sensors[0] = s
		visit(t, p, Options{}, func(_ *testing.T, v *visitor) {
			time.Sleep(7*time.Minute + 30*time.Second)
			age = time.Since(time.UnixMilli(v.values(fastValues, 1, nil).Data[0].T))
		})
		return age
	}
	for _, c := range []struct {
		s    Sensor
		want time.Duration
	}{
		{Sensor{Period: time.Minute}, 30 * time.Second},
		{Sensor{Period: time.Minute, Phase: 25 * time.Second}, 5 * time.Second},
		{Sensor{Period: time.Minute, Delay: 31 * time.Second}, 90 * time.Second},
		{Sensor{Period: 10 * time.Second, Batch: 5 * time.Minute}, 150 * time.Second},
		{Sensor{Period: time.Minute, Skew: 10 * time.Minute}, -570 * time.Second},
	} {
		if age := newest(c.s); age != c.want {
			t.Errorf("%+v: newest is %s old, want %s", c.s, age, c.want)
		}
	}
}

func TestJitteredReadingsKeepTheirOrder(t *testing.T) {
	p := small()
	p.Company.Machines[0].Sensors[0].Jitter = time.Hour // cut to just under the period
	visit(t, p, Options{Format: Format{Order: Ascending, Time: Nanoseconds}}, func(t *testing.T, v *visitor) {
		data := v.values(fastValues, 1000, nil).Data
		even := 0
		for i := 1; i < len(data); i++ {
			if data[i].T <= data[i-1].T {
				t.Fatalf("reading %d is not after the one before", i)
			}
			if data[i].T-data[i-1].T == int64(time.Second) {
				even++
			}
		}
		if len(data) != 1000 || even > 10 {
			t.Errorf("%d readings, %d of them exactly a second apart", len(data), even)
		}
	})
}

func TestWindowOfTime(t *testing.T) {
	visit(t, small(), Options{Format: Format{NeedWindow: true}}, func(t *testing.T, v *visitor) {
		now := time.Now()
		window := func(from, to time.Time) string {
			return fmt.Sprintf("%s?from=%d&to=%d", fastValues, from.UnixMilli(), to.UnixMilli())
		}
		for path, status := range map[string]int{
			fastValues:                       400,
			fastValues + "?from=1":           400,
			fastValues + "?from=x&to=5":      400,
			fastValues + "?from=5&to=-1":     400,
			fastValues + "?from=0&to=9e9":    400,
			window(now.Add(-time.Hour), now): 200,
		} {
			if g := v.get(path); g.status != status || status == 400 && v.message(g) == "" {
				t.Errorf("%s: status %d, want %d: %s", path, g.status, status, g.body)
			}
		}
		var p valuesPage
		v.decode(v.get(window(now.Add(-20*time.Second), now.Add(-10*time.Second))), &p)
		if len(p.Data) != 11 || p.Data[0].T != now.Add(-10*time.Second).UnixMilli() {
			t.Errorf("both ends belong to the window: %d readings, %v", len(p.Data), p.Data)
		}
		v.decode(v.get(window(now.Add(time.Hour), now.Add(-time.Hour))), &p)
		if len(p.Data) != 0 {
			t.Errorf("a window that ends before it starts holds %d readings", len(p.Data))
		}
	})
}
