package innius_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"innius_exporter/innius"
	"innius_exporter/innius/simulator"
)

func TestAListMayBeRangedOverMoreThanOnce(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, _ := simulated(t, hall(), simulator.Options{}, pageSize(2))
		machines := c.Machines(t.Context(), "acme", "")
		sensors := c.Sensors(t.Context(), "acme", "press", "")
		for range 2 {
			gotMachines, err := collect(machines)
			want(t, "error", err, nil)
			want(t, "machines", gotMachines, hallMachines())
			gotSensors, err := collect(sensors)
			want(t, "error", err, nil)
			want(t, "sensors", gotSensors, hallSensors())
		}
	})
}

func TestWhoStopsReadingStopsAsking(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{}, pageSize(2))
		for _, err := range c.Machines(t.Context(), "acme", "") {
			want(t, "error", err, nil)
			break
		}
		want(t, "requests", server.Stats().Requests, 1)
	})
}

func TestAListGoesOnFromAKeptKey(t *testing.T) {
	for name, keys := range map[string]simulator.KeyForm{"number": simulator.NumberKey, "text": simulator.TextKey} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c, server := simulated(t, hall(), simulator.Options{Format: simulator.Format{NextKey: keys}}, pageSize(2))
				var machines, sensors string
				for page, err := range c.Machines(t.Context(), "acme", "") {
					want(t, "error", err, nil)
					machines = page.Next
					break
				}
				for page, err := range c.Sensors(t.Context(), "acme", "press", "") {
					want(t, "error", err, nil)
					sensors = page.Next
					break
				}
				gotMachines, err := collect(c.Machines(t.Context(), "acme", machines))
				want(t, "error", err, nil)
				want(t, "machines", gotMachines, hallMachines()[2:])
				gotSensors, err := collect(c.Sensors(t.Context(), "acme", "press", sensors))
				want(t, "error", err, nil)
				want(t, "sensors", gotSensors, hallSensors()[2:])
				want(t, "requests", server.Stats().Requests, 6)
			})
		})
	}
}

func TestTheLastPageNamesNoNextAndTheOthersDo(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, _ := simulated(t, hall(), simulator.Options{}, pageSize(2))
		var next []bool
		for page, err := range c.Machines(t.Context(), "acme", "") {
			want(t, "error", err, nil)
			next = append(next, page.Next != "")
		}
		want(t, "next", next, []bool{true, true, false})
	})
}

func TestAListThatLeadsBackEndsWithAnError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{}, pageSize(2))
		server.Inject(simulator.Fault{Kind: simulator.NextLoop})
		for _, call := range calls()[1:3] {
			answer := answerError(t, c, call.ask)
			want(t, call.name, answer.Detail, "next_key repeats an earlier page: the list would never end")
		}
	})
}

func TestAListThatLeadsInACircleEndsWithAnError(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := pagesOf(map[string]string{
			"":  `{"data":[{"id":"a"}],"next_key":1}`,
			"1": `{"data":[{"id":"b"}],"next_key":2}`,
			"2": `{"data":[{"id":"c"}],"next_key":1}`,
		})
		got, err := collect(dial(t, h).Machines(t.Context(), "acme", ""))
		want(t, "an AnswerError", isA[*innius.AnswerError](err), true)
		want(t, "read before it", got, []innius.Machine{{ID: "a", Name: "a"}, {ID: "b", Name: "b"}})
		want(t, "requests", len(h.uris()), 3)
	})
}

func TestAListWithoutEndIsEndedByABound(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{answer: func(w http.ResponseWriter, _ *http.Request, n int) {
			_, _ = fmt.Fprintf(w, `{"data":[],"next_key":%d}`, n)
		}}
		_, err := collect(dial(t, h, func(o *innius.Options) { o.Pacer = innius.NewPacer(3.6e9, 20_000) }).Machines(t.Context(), "acme", ""))
		want(t, "error", err, "list the machines: answer with status 200 not understood: more than 10000 pages")
		want(t, "requests", len(h.uris()), 10_000)
	})
}

func TestAnErrorOnALaterPageComesOnceAndKeepsThePagesBefore(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{answer: func(w http.ResponseWriter, _ *http.Request, n int) {
			if n == 3 {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, `{"message":"broken"}`)
				return
			}
			_, _ = io.WriteString(w, `{"data":[{"id":"`+strconv.Itoa(n)+`"}],"next_key":`+strconv.Itoa(n)+`}`)
		}}
		c := dial(t, h)
		var ids []string
		var next string
		var failures []error
		for page, err := range c.Sensors(t.Context(), "acme", "press", "") {
			if err != nil {
				failures = append(failures, err)
				continue
			}
			ids, next = append(ids, page.Items[0].ID), page.Next
		}
		want(t, "sensors", ids, []string{"1", "2"})
		want(t, "kept key", next, "2")
		want(t, "errors", failures, []error{errors.New(
			`list the sensors of machine "press": status 500 (Internal Server Error): broken`)})
	})
}
