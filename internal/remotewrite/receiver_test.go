package remotewrite

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

func TestWriterSendsBatchesOfFiveSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		receiver.Labels = map[string]string{"site": "tilburg", "a": "", "z": "1"}
		receiver.Headers = map[string]innius.Secret{"X-Scope-OrgID": innius.NewSecret("plant")}
		p := newPlant(t, receiver)
		time.Sleep(time.Millisecond)
		p.poll("Temperature", 2)
		p.poll("Speed", 1)
		p.Append("acme", "Press 1", "Speed", []innius.Reading{{Time: time.Now(), Value: 1}}) // again, as after a kill
		p.Append("acme", "Press 1", "Mode", []innius.Reading{{Time: time.Now(), Value: nan()}})
		time.Sleep(time.Second)
		p.poll("Temperature", 1)
		time.Sleep(3900 * time.Millisecond)
		if f.sent() != 0 {
			t.Error("sent before the interval")
		}
		time.Sleep(200 * time.Millisecond)
		now := time.Date(2030, 1, 1, 12, 0, 0, int(time.Millisecond), time.UTC).UnixMilli()
		labels := `{__name__="innius_sensor_reading", company="acme", machine="Press 1", sensor=%q, site="tilburg", z="1"}`
		temperature, speed := fmt.Sprintf(labels, "Temperature"), fmt.Sprintf(labels, "Speed")
		want := []received{
			{speed, "Speed", now, 1},
			{temperature, "Temperature", now - 1000, 1},
			{temperature, "Temperature", now, 2},
			{temperature, "Temperature", now + 1000, 3},
		}
		f.mu.Lock()
		slices.SortStableFunc(f.stored, func(a, b received) int { return strings.Compare(a.sensor, b.sensor) })
		if !slices.Equal(f.stored, want) {
			t.Errorf("stored\n%v, want\n%v", f.stored, want)
		}
		f.mu.Unlock()
		for name, value := range map[string]string{
			"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0",
			"User-Agent": "innius_exporter/test", "X-Scope-OrgID": "plant", "Authorization": "", "X-Api-Key": "",
		} {
			if got := f.header(name); got != value {
				t.Errorf("header %s: %q, want %q", name, got, value)
			}
		}
		s := p.Status()[0]
		if s.Accepted != 5 || s.Pending != 0 || !s.Oldest.IsZero() || s.Requests["204"] != 1 || s.LastSuccess.IsZero() {
			t.Errorf("status %+v", s)
		}
		time.Sleep(time.Hour)
		if f.sent() != 1 {
			t.Errorf("%d requests without readings", f.sent()-1)
		}
	})
}

func TestWriterRetriesWithoutEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		code int
	}{
		{"network", 0},
		{"server", 500},
		{"busy", 503},
		{"key", 401},
		{"permission", 403},
		{"path", 404},
		{"redirect", 307},
		{"method", 405},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				p := newPlant(t, receiver)
				f.onRequest(func(w http.ResponseWriter, r *http.Request, _ []received) {
					if row.code == 0 {
						panic(http.ErrAbortHandler)
					}
					w.Header().Set("Location", "http://elsewhere.example/")
					w.WriteHeader(row.code)
				})
				p.pollFor(6*time.Hour, "A", "B")
				s := p.Status()[0]
				since := time.Since(s.Oldest)
				if s.Accepted+s.Refused+s.Dropped != 0 || s.Pending != 2*6*3600/30*3 || since < 5*time.Hour || s.LastError == "" {
					t.Errorf("status %+v", s)
				}
				if got := f.sent(); got > 6*6*12 || got < 6*12 { // of a batch, its 3 readings, 2 others
					t.Errorf("%d requests in 6 h", got)
				}
				if got := p.log.lines("level=WARN"); got != 1 {
					t.Errorf("logged %d times:\n%s", got, p.log)
				}
				f.onRequest(nil)
				time.Sleep(6 * time.Minute)
				p.wantAll(f, "A")
				p.wantAll(f, "B")
				if s := p.Status()[0]; s.Pending != 0 || !s.Oldest.IsZero() || p.log.lines("accepts readings again") != 1 {
					t.Errorf("status %+v", s)
				}
				f.wantOneHost()
			})
		})
	}
}

// The body of a 101 is the connection: nothing that ends the request would end a read of it, and the exporter would not end.
func TestWriterTakesSwitchingProtocolsForAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		f.onRequest(func(w http.ResponseWriter, _ *http.Request, _ []received) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
		})
		p.pollFor(time.Minute, "A")
		if s := p.Status()[0]; s.Requests["101"] < 3 || s.Accepted != 0 || s.LastError == "" {
			t.Errorf("status %+v", s)
		}
		began := time.Now()
		p.Close()
		if took := time.Since(began); took > flushWithin {
			t.Errorf("closed after %s", took)
		}
	})
}

// A receiver that requests a short wait gets no more requests than one that requests none.
func TestWriterBacksOffBeyondAShortRetryAfter(t *testing.T) {
	for _, code := range []int{429, 503} {
		inBubble(t, func(t *testing.T) {
			f, receiver := startFake(t, "central")
			p := newPlant(t, receiver)
			p.pollFor(time.Minute, "A", "B")
			f.forget()
			f.onRequest(func(w http.ResponseWriter, _ *http.Request, _ []received) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(code)
			})
			p.pollFor(20*time.Minute, "A", "B")
			if n := f.sent(); n > 60 {
				t.Errorf("%d: %d requests in 20 min", code, n)
			}
		})
	}
}

// The log never ends with "accepts readings again" while a receiver has been failing for minutes, and is not filled by short failures.
func TestWriterLogsEachLongFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		for _, row := range []struct {
			name             string
			fails            time.Duration
			warned, accepted int // lines until then
		}{
			{"first", time.Minute, 1, 1},
			{"short", time.Minute, 1, 1},
			{"long", 20 * time.Minute, 2, 2},
			{"short again", time.Minute, 2, 2},
		} {
			f.unless(503, "", always)
			p.pollFor(row.fails, "A")
			f.onRequest(nil)
			p.pollFor(10*time.Minute, "A")
			if w, a := p.log.lines("level=WARN"), p.log.lines("accepts readings again"); w != row.warned || a != row.accepted {
				t.Errorf("%s: %d warnings and %d ends, want %d and %d:\n%s", row.name, w, a, row.warned, row.accepted, p.log)
			}
		}
		p.wantAll(f, "A")
	})
}

func TestWriterForgetsFailuresWithNewSettings(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.unless(401, "", always)
		p := newPlant(t, receiver)
		p.pollFor(time.Hour, "A")
		if err := p.Configure(t.Context(), []Receiver{receiver}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := p.log.lines("level=WARN"); got != 2 {
			t.Errorf("logged %d times:\n%s", got, p.log)
		}
		f.onRequest(nil)
		time.Sleep(6 * time.Second) // the first back-off, not that of an hour
		p.wantAll(f, "A")
	})
}

func TestWriterHonoursRetryAfter(t *testing.T) {
	for _, header := range []string{"240", "Tue, 01 Jan 2030 12:04:05 GMT"} {
		inBubble(t, func(t *testing.T) {
			f, receiver := startFake(t, "central")
			p := newPlant(t, receiver)
			f.onRequest(func(w http.ResponseWriter, _ *http.Request, _ []received) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			time.Sleep(time.Millisecond)
			p.poll("A", 1)
			time.Sleep(6 * time.Second)
			f.onRequest(nil)
			time.Sleep(238 * time.Second)
			if f.sent() != 1 {
				t.Errorf("%s: %d requests before its end", header, f.sent())
			}
			time.Sleep(2 * time.Second)
			p.wantAll(f, "A")
		})
	}
}

func TestWriterRefusesOneReading(t *testing.T) {
	for _, code := range []int{400, 409, 413, 422} {
		inBubble(t, func(t *testing.T) {
			f, receiver := startFake(t, "central")
			p := newPlant(t, receiver)
			f.unless(code, "out of bounds", func(r received) bool { return r.sensor == "B" && r.value == 2 })
			for range 3 {
				p.poll("A", 3)
				p.poll("B", 3)
				p.poll("C", 3)
				time.Sleep(10 * time.Second)
			}
			p.wantAll(f, "A")
			p.wantAll(f, "B", 2)
			p.wantAll(f, "C")
			if s := p.Status()[0]; s.Refused != 1 || s.Accepted != 26 || s.Pending != 0 || s.Dropped != 0 {
				t.Errorf("status %+v", s)
			}
			if p.log.lines("level=WARN") != 1 || p.log.lines("Receiver refused a reading") != 1 || p.log.lines("out of bounds") != 1 {
				t.Errorf("log:\n%s", p.log)
			}
			f.unless(code, "out of bounds", func(r received) bool { return r.sensor == "B" && r.value > 9 })
			for _, row := range []struct {
				after time.Duration
				lines int
			}{{30 * time.Minute, 1}, {2 * time.Hour, 2}} {
				time.Sleep(row.after)
				p.poll("B", 1)
				p.poll("C", 1)
				time.Sleep(10 * time.Second)
				if got := p.log.lines("level=WARN"); got != row.lines {
					t.Errorf("logged %d times, want %d:\n%s", got, row.lines, p.log)
				}
			}
		})
	}
}

func TestWriterFindsOneBadReadingInALargeBacklog(t *testing.T) {
	long(t)
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		f.unless(503, "", always)
		p.pollFor(3*time.Hour, "A", "B", "C", "D")
		before := f.sent()
		f.unless(400, "out of bounds", func(r received) bool { return r.sensor == "B" && r.value == 700 })
		time.Sleep(6 * time.Minute)
		for _, sensor := range []string{"A", "C", "D"} {
			p.wantAll(f, sensor)
		}
		p.wantAll(f, "B", 700)
		if n := f.sent() - before; n > 60 || n < 5 {
			t.Errorf("%d requests for 4320 readings", n)
		}
	})
}

// A receiver that refuses everything for an hour, and then is well, loses nothing.
func TestWriterKeepsAllWhileAllIsRefused(t *testing.T) {
	long(t)
	for _, code := range []int{400, 409, 413, 422} {
		inBubble(t, func(t *testing.T) {
			f, receiver := startFake(t, "central")
			p := newPlant(t, receiver)
			p.pollFor(10*time.Minute, "A", "B", "C")
			accepted := p.Status()[0].Accepted
			f.forget()
			f.unless(code, "no", always)
			for _, sensor := range []string{"D", "E", "F", "G", "H", "I", "J", "K"} {
				p.poll(sensor, 2)
			}
			p.pollFor(time.Hour, "A", "B", "C")
			s := p.Status()[0]
			if s.Refused != 0 || s.Dropped != 0 || s.Accepted != accepted || s.Pending < 1000 {
				t.Errorf("status %+v", s)
			}
			f.wantFewRequests(33)
			if n := f.sent(); n > 20*19 { // a batch, its 16 readings, 2 others
				t.Errorf("%d requests in an hour", n)
			}
			if got := p.log.lines("level=WARN"); got != 1 {
				t.Errorf("logged %d times:\n%s", got, p.log)
			}
			f.onRequest(nil)
			p.pollFor(15*time.Minute, "A", "B", "C")
			time.Sleep(10 * time.Second)
			for sensor := range p.count {
				p.wantAll(f, sensor)
			}
		})
	}
}

// A receiver that limits the rate of requests gets no more of them while a batch is split.
func TestWriterSplitsOncePerMinute(t *testing.T) {
	for name, row := range map[string]struct{ of, then int }{"rate limit": {400, 429}, "all fails": {400, 500}, "proxy": {500, 401}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				p := newPlant(t, receiver)
				p.pollFor(time.Minute, "A", "B")
				f.forget()
				f.onRequest(func(w http.ResponseWriter, _ *http.Request, _ []received) {
					code := row.of
					if f.sent()%15 == 0 {
						code = row.then
					}
					w.WriteHeader(code)
				})
				for _, sensor := range []string{"C", "D", "E", "F", "G", "H"} {
					p.poll(sensor, 3)
				}
				p.pollFor(20*time.Minute, "A", "B")
				f.wantFewRequests(33)
				f.onRequest(nil)
				time.Sleep(10 * time.Minute)
				for sensor := range p.count {
					p.wantAll(f, sensor)
				}
			})
		})
	}
}

// That it accepted some readings of a batch does not show that it refuses the others for what they are.
func TestWriterKeepsWhatIsRefusedWhenAReceiverBeginsToRefuseAll(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		p.poll("A", 3)
		time.Sleep(10 * time.Second)
		f.onRequest(func(w http.ResponseWriter, _ *http.Request, samples []received) {
			if len(samples) == 1 && len(f.values("B")) < 2 {
				f.store(samples)
				return
			}
			w.WriteHeader(http.StatusBadRequest)
		})
		p.poll("B", 10)
		time.Sleep(time.Hour)
		if s := p.Status()[0]; s.Refused != 0 || s.Accepted != 5 {
			t.Errorf("status %+v", s)
		}
		f.onRequest(nil)
		time.Sleep(6 * time.Minute)
		p.wantAll(f, "B")
	})
}

func TestWriterRefusesAfterTenTriesWhatAloneGets500(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		p.pollFor(time.Minute, "A", "B", "C")
		f.forget()
		f.unless(500, "too old sample", func(r received) bool { return r.sensor == "B" && r.value == 10 })
		p.pollFor(15*time.Minute, "A", "B", "C")
		time.Sleep(10 * time.Second)
		p.wantAll(f, "A")
		p.wantAll(f, "B", 10)
		p.wantAll(f, "C")
		if s := p.Status()[0]; s.Refused != 1 || s.Pending != 0 {
			t.Errorf("status %+v", s)
		}
		f.wantFewRequests(33)
		next := p.count["B"] + 1
		f.unless(500, "busy", func(r received) bool { return r.sensor == "B" && r.value == next })
		p.pollFor(5*time.Minute, "A", "B", "C")
		f.onRequest(nil)
		p.pollFor(5*time.Minute, "A", "B", "C")
		time.Sleep(10 * time.Second)
		if s := p.Status()[0]; s.Refused != 1 || s.Pending != 0 || !slices.Contains(f.values("B"), next) {
			t.Errorf("the tries of another failure count: %+v", s)
		}
	})
}

func TestWriterContinuesWithoutASeriesThatGets500(t *testing.T) {
	long(t)
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		f.unless(500, "panic", func(r received) bool { return r.sensor == "B" })
		p.pollFor(3*time.Hour, "A", "B", "C", "D")
		time.Sleep(15 * time.Minute)
		p.wantAll(f, "A")
		p.wantAll(f, "C")
		p.wantAll(f, "D")
		s := p.Status()[0]
		stored := len(f.values("A")) + len(f.values("C")) + len(f.values("D"))
		if len(f.values("B")) != 0 || s.Refused != uint64(p.count["B"]) || s.Accepted != uint64(stored) || s.Pending != 0 {
			t.Errorf("status %+v, %d stored", s, stored)
		}
	})
}

// That one sensor is refused without tries must not take those of others, although no whole batch is accepted in between.
func TestWriterTriesOthersThanASeriesThatGets500(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		poll := func(d time.Duration) {
			for range d / (30 * time.Second) {
				for _, sensor := range []string{"B", "C", "A"} {
					p.poll(sensor, 1)
				}
				time.Sleep(30 * time.Second)
			}
		}
		f.unless(500, "panic", func(r received) bool { return r.sensor == "B" })
		time.Sleep(time.Millisecond) // so that the three are in one batch
		poll(time.Hour)
		f.unless(500, "panic", func(r received) bool { return r.sensor != "A" })
		poll(5 * time.Minute)
		f.unless(500, "panic", func(r received) bool { return r.sensor == "B" })
		poll(10 * time.Minute)
		for _, sensor := range []string{"A", "C"} {
			if got := len(f.values(sensor)); got != int(p.count[sensor]) {
				t.Errorf("%s: %d of %v readings", sensor, got, p.count[sensor])
			}
		}
		if s := p.Status()[0]; s.Refused != uint64(p.count["B"]) || s.Pending != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// Other sensors do not wait for the ten tries of each reading of one that always gets 500.
func TestWriterIsNotHeldUpByOneSeriesOfMany(t *testing.T) {
	long(t)
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		p := newPlant(t, receiver)
		f.unless(500, "panic", func(r received) bool { return r.sensor == "S0" })
		var sensors []string
		for i := range 60 {
			sensors = append(sensors, fmt.Sprintf("S%d", i))
		}
		for range 20 {
			for _, sensor := range sensors {
				p.poll(sensor, 2)
				time.Sleep(5 * time.Second)
			}
		}
		time.Sleep(time.Minute)
		s := p.Status()[0]
		if s.Pending != 0 || s.Refused != uint64(p.count["S0"]) {
			t.Errorf("status %+v", s)
		}
		for _, sensor := range sensors[1:] {
			p.wantAll(f, sensor)
		}
	})
}

// In a small plant the reading that was accepted last, and the one that was stored last, may both be of the sensor that gets 500.
func TestWriterIsNotHeldUpByOneSeriesOfTwo(t *testing.T) {
	for name, outage := range map[string]time.Duration{"at once": 0, "after an outage": time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				p := newPlant(t, receiver)
				time.Sleep(time.Millisecond) // so that the two are in one batch
				poll := func(d time.Duration) {
					for range d / (30 * time.Second) {
						p.poll("A", 1)
						time.Sleep(time.Second)
						p.poll("B", 1)
						time.Sleep(29 * time.Second)
					}
				}
				poll(5 * time.Minute)
				f.unless(503, "", always)
				poll(outage)
				f.unless(500, "panic", func(r received) bool { return r.sensor == "B" })
				poll(time.Hour)
				p.wantAll(f, "A")
			})
		})
	}
}

// After a restart no canary is known, and the newest reading by its time may be one that never is accepted.
func TestWriterFindsOtherReadingsThanTheNewest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, receiver := startFake(t, "central")
		f.unless(500, "panic", func(r received) bool { return r.sensor == "ahead" })
		p := newPlant(t, receiver)
		ahead := func() {
			p.Append("acme", "Press 1", "ahead", []innius.Reading{{Time: time.Now().Add(10 * time.Minute), Value: 1}})
		}
		ahead()
		p.poll("A", 1)
		p.kill()
		p.start(receiver)
		for range 60 {
			ahead()
			time.Sleep(10 * time.Second)
			p.poll("A", 1)
			time.Sleep(time.Minute)
		}
		if got := len(f.values("A")); got < 30 {
			t.Errorf("%d of %v readings in an hour, status %+v", got, p.count["A"], p.Status()[0])
		}
	})
}

func TestWriterSurvivesHangs(t *testing.T) {
	for name, respond := range map[string]func(w http.ResponseWriter, r *http.Request){
		"hang":      func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"cut":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"slow body": slowly,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				bad, first := startFake(t, "bad")
				good, second := startFake(t, "good")
				bad.onRequest(func(w http.ResponseWriter, r *http.Request, _ []received) { respond(w, r) })
				p := newPlant(t, first, second)
				for range 100 {
					began := time.Now()
					p.poll("A", 5)
					if took := time.Since(began); took != 0 {
						t.Fatalf("append waits %s for a receiver", took)
					}
					time.Sleep(30 * time.Second)
				}
				p.wantAll(good, "A")
				if s := p.Status(); s[0].Pending != 500 || s[1].Pending != 0 || s[0].Name != "bad" {
					t.Errorf("status %+v", s)
				}
				bad.onRequest(nil)
				time.Sleep(6 * time.Minute)
				p.wantAll(bad, "A")
			})
		})
	}
}

// slowly sends a byte of its body each second, without end.
func slowly(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusBadGateway)
	for r.Context().Err() == nil {
		_, _ = w.Write([]byte("x"))
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Second)
	}
}

// Without a window, Prometheus refuses what is older than an hour. The rest must not wait for that.
func TestWriterCatchesUpWithPrometheusAfterAnOutage(t *testing.T) {
	long(t)
	const backOff = 8 * 6 * 5 // readings of 5 min
	for _, row := range []struct {
		name   string
		window time.Duration
		tooOld int
		lost   time.Duration // of the outage, of 3 h
		more   int           // readings, at most
	}{
		// One sensor loses an hour more, before what showed that the receiver accepts others.
		{"without window", 0, 400, 2 * time.Hour, 6*60 + backOff},
		{"with window", 24 * time.Hour, 400, 0, 0},
		{"with small window", 2 * time.Hour, 400, time.Hour, backOff},
		{"2.42 with small window", 2 * time.Hour, 500, 70 * time.Minute, backOff}, // more get too old during the ten tries
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f, receiver := startFake(t, "central")
				p := newPlant(t, receiver)
				sensors := []string{"A", "B", "C", "D", "E", "F", "G", "H"}
				f.likePrometheus(row.window, row.tooOld)
				p.pollFor(10*time.Minute, sensors...)
				accept := f.unless(503, "", always)
				p.pollFor(3*time.Hour, sensors...)
				f.onRequest(accept)
				p.pollFor(20*time.Minute, sensors...)
				time.Sleep(10 * time.Second)
				s := p.Status()[0]
				lost, missing := int(8*3*row.lost/(30*time.Second)), 0
				for _, sensor := range sensors {
					missing += int(p.count[sensor]) - len(f.values(sensor))
				}
				if s.Pending != 0 || missing < lost-8*20 || missing > lost+row.more || s.Refused != uint64(missing) || s.Dropped != 0 {
					t.Errorf("%d missing, want about %d; status %+v", missing, lost, s)
				}
				if s.Accepted+s.Refused != uint64(8*3*3.5*3600/30) {
					t.Errorf("not all readings are counted once: %+v", s)
				}
			})
		})
	}
}
