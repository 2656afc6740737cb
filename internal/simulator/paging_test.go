package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

const month = 30 * 24 * 60 * 60 // readings of 1 s

func TestMonthOfSecondsPagesWithoutHoleOrRepeat(t *testing.T) {
	for _, o := range []Order{Ascending, Descending} {
		visit(t, small(), Options{Format: Format{Order: o}}, func(t *testing.T, v *visitor) {
			start, step := time.Now().Unix()-month, int64(1)
			if o == Descending {
				start, step = time.Now().Unix(), -1
			}
			want, key := start, any(nil)
			for range 20 {
				p := v.values(fastValues, 997, key)
				if key = p.Next; len(p.Data) != 997 || key == nil {
					t.Fatalf("order %d: %d readings, next %v", o, len(p.Data), key)
				}
				for _, r := range p.Data {
					if r.T != want*1000 || r.V != float64(want) {
						t.Fatalf("order %d: reading %v at %d, want %d", o, r.V, r.T, want)
					}
					want += step
				}
				time.Sleep(time.Second / 4) // new readings arrive, the old end moves on
			}
		})
	}
}

func TestMonthOfSecondsEnds(t *testing.T) {
	for _, o := range []Order{Ascending, Descending} {
		visit(t, small(), Options{Format: Format{Order: o}}, func(t *testing.T, v *visitor) {
			end := time.Now().Unix() - 5
			if o == Descending {
				end = time.Now().Unix() - month + 5
			}
			p := v.values(fastValues, 4, json.Number(fmt.Sprint(end+1)))
			if len(p.Data) != 4 || p.Next == nil {
				t.Fatalf("order %d: before the end: %v", o, p)
			}
			p = v.values(fastValues, 4, p.Next)
			if len(p.Data) != 2 || p.Next != nil {
				t.Fatalf("order %d: at the end: %v", o, p)
			}
		})
	}
}

func TestAscendingContinuesAfterTheLastPage(t *testing.T) {
	visit(t, small(), Options{Format: Format{Order: Ascending}}, func(t *testing.T, v *visitor) {
		key := json.Number(fmt.Sprint(time.Now().Unix() - 1))
		before := v.values(fastValues, 100, key)
		time.Sleep(10 * time.Second)
		after := v.values(fastValues, 100, key)
		if len(before.Data) != 3 || len(after.Data) != 13 || before.Data[0] != after.Data[0] {
			t.Errorf("%d readings from a remembered key, then %d", len(before.Data), len(after.Data))
		}
	})
}

func TestKeysExpire(t *testing.T) {
	for _, form := range []KeyForm{NumberKey, TextKey} {
		f := Format{NextKey: form, CursorTTL: time.Minute}
		visit(t, small(), Options{Format: f}, func(t *testing.T, v *visitor) {
			p := v.values(fastValues, 10, nil)
			time.Sleep(time.Minute)
			if again := v.values(fastValues, 10, p.Next); again.Data[0].T != p.Data[9].T-1000 {
				t.Errorf("the key led to %d after %d", again.Data[0].T, p.Data[9].T)
			}
			time.Sleep(time.Second)
			g := v.get(fastValues + query(10, p.Next))
			if v.is(g, http.StatusBadRequest); v.message(g) != "start_key expired" {
				t.Errorf("message %q", v.message(g))
			}
		})
	}
}

func TestMalformedPagingIsRefused(t *testing.T) {
	for _, form := range []KeyForm{NumberKey, TextKey} {
		f := Format{NextKey: form}
		visit(t, small(), Options{Format: f, Limits: Limits{MaxPage: 50}}, func(t *testing.T, v *visitor) {
			for _, q := range []string{
				"limit=0", "limit=-1", "limit=x", "limit=", "limit=51", "limit=99999999999999999999",
				"start_key=", "start_key=0", "start_key=null", "start_key=-4", "start_key=1.5e3", "start_key=%zz",
			} {
				for _, path := range []string{machinesPath, sensorsPath, fastValues} {
					if g := v.get(path + "?" + q); g.status != 400 || v.message(g) == "" {
						t.Errorf("%s?%s: status %d %s", path, q, g.status, g.body)
					}
				}
			}
		})
	}
}

func TestPageIsBoundedByMaxPage(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{MaxPage: 50, ClampPage: true}}, func(t *testing.T, v *visitor) {
		if n := len(v.values(fastValues, 51, nil).Data); n != 50 {
			t.Errorf("%d readings in a clamped page", n)
		}
		var p valuesPage
		if v.decode(v.get(fastValues), &p); len(p.Data) != 50 {
			t.Errorf("%d readings without a limit", len(p.Data))
		}
	})
}
