package poller

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

func TestALimitThatIsRestoredIsUsedAgain(t *testing.T) {
	for name, kind := range limitKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, tight(simulator.Limits{Kind: kind, PerHour: 100}), func(s *story) {
				d := note(s)
				d.pass(10 * time.Hour)
				d.want(loweredA1, 1)
				d.api.SetLimits(simulator.Limits{Kind: kind, PerHour: 210, Burst: 6})
				restored := d.clock()
				for d.rateNow() < 200 && d.clock() < restored+40*time.Hour {
					d.pass(15 * time.Minute)
				}
				d.Logf("the configured rate is back after %s, 429s since %d", d.clock()-restored, d.between(restored, d.clock()))
				d.want(allowanceA1, 200)
				d.want(loweredA1, 0)
				d.foreseeable()
				if n := len(d.log.lines("level=INFO", "the configured requests per hour are kept to again")); n != 1 {
					d.Errorf("%d lines tell of it", n)
				}
				if status := d.poller.Status().Accounts[0]; status.Lowered != "" {
					d.Errorf("the status still says %q", status.Lowered)
				}
			})
		})
	}
}

func TestALimitThatIsHalvedWhileRunning(t *testing.T) {
	for name, kind := range limitKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, tight(simulator.Limits{Kind: kind, PerHour: 210}), func(s *story) {
				d := note(s)
				d.pass(5*time.Hour + 40*time.Minute)
				if len(d.all()) > 0 {
					d.Fatalf("429s at the configured rate: %v", d.all())
				}
				d.api.SetLimits(simulator.Limits{Kind: kind, PerHour: 105, Burst: 6})
				d.pass(3 * time.Hour)
				d.Logf("%.3f of the true rate after 3 h, 429s %d", d.rateNow()/105, len(d.all()))
				if rate := d.rateNow(); rate < 0.95*105 || rate > 1.001*105 { // 105.05 was seen: one 429 in a day more
					d.Errorf("the rate is %v, want just under 105", rate)
				}
				settled := d.clock()
				d.pass(20 * time.Hour)
				d.foreseeable()
				d.rarely(settled)
			})
		})
	}
}

func TestABurstThatIsTooLargeIsLoweredAlone(t *testing.T) {
	begin := tight(simulator.Limits{PerHour: 210, Burst: 3})
	begin.burst = 12
	play(t, begin, func(s *story) {
		d := note(s)
		d.pass(20 * time.Hour)
		burst := d.poller.accounts[0].Pacer.Burst()
		if rate := d.rateNow(); rate < 197 || burst > 3 || len(d.all()) > 2 {
			d.Errorf("%v an hour, burst %d, 429s %v", rate, burst, d.all())
		}
		d.want(loweredA1, 1)
		d.foreseeable()
	})
}

// TestOneHiccupCostsLittle has one 429 that nobody could foresee, five minutes after the start or amid the day. What counts
// is how it is read, not how the API counts: package allowance has more of them.
func TestOneHiccupCostsLittle(t *testing.T) {
	for name, at := range map[string]time.Duration{"after 5 min": 5 * time.Minute, "after 5 h": 5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := tight(simulator.Limits{PerHour: 210})
			one := overLimit(at, time.Minute)
			one.Until = one.From.Add(time.Minute)
			one.Times = 1
			begin.faults = []simulator.Fault{one}
			play(t, begin, func(s *story) { note(s).hiccup(at) })
		})
	}
}

func (d *diary) hiccup(at time.Duration) {
	d.pass(at + 2*time.Minute)
	if len(d.all()) != 1 || d.rateNow() < 0.9*200 || d.rateNow() >= 200 {
		d.Errorf("429s %v, then %v an hour", d.all(), d.rateNow())
	}
	least := d.rateNow()
	for d.clock() < 33*time.Hour {
		d.pass(time.Hour)
		least = min(least, d.rateNow())
	}
	d.Logf("the rate was never below %.3f of the configured one", least/200)
	d.want(allowanceA1, 200)
	if len(d.all()) != 1 || least < 0.9*200 {
		d.Errorf("429s %v, the least rate %v", d.all(), least)
	}
}

// tool is another one that uses the same key.
type tool struct {
	*story
	chance *rand.Rand
}

// asks asks at random moments, so many requests an hour on average, and lets the time pass.
func (o *tool) asks(perHour float64, during time.Duration) {
	for end := o.clock() + during; o.clock() < end; {
		o.pass(min(end-o.clock(), time.Duration(o.chance.ExpFloat64()/perHour*float64(time.Hour))))
		req := httptest.NewRequestWithContext(o.Context(), http.MethodGet, "/companies/me", http.NoBody)
		req.Header.Set("x-api-key", canary)
		o.api.ServeHTTP(httptest.NewRecorder(), req)
	}
}

func TestAnotherToolOnTheKeyIsYieldedToAndNotTakenForALowerLimitForEver(t *testing.T) {
	for name, kind := range limitKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, tight(simulator.Limits{Kind: kind, PerHour: 210}), func(s *story) {
				d, other := note(s), &tool{s, rand.New(rand.NewPCG(1, 1))}
				other.asks(60, 30*time.Hour)
				d.Logf("%.1f of some 150 an hour that are left, 429s %d in the first 3 h, %d in the next 27 h", d.rateNow(),
					d.between(0, 3*time.Hour), d.between(3*time.Hour, 30*time.Hour))
				if n := d.between(3*time.Hour, 30*time.Hour); n > 12 || d.rateNow() < 75 { // half: with other seeds it is 77 to 117
					d.Errorf("%v an hour, %d 429s in 27 h", d.rateNow(), n)
				}
				for d.rateNow() < 200 && d.clock() < 80*time.Hour {
					d.pass(time.Hour)
				}
				d.want(allowanceA1, 200)
			})
		})
	}
}

// TestAToolThatComesAndGoesIsKnownForOne: what is refused goes down, up and down again, as no limit does.
func TestAToolThatComesAndGoesIsKnownForOne(t *testing.T) {
	play(t, tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 210}), func(s *story) {
		d, other := note(s), &tool{s, rand.New(rand.NewPCG(1, 1))}
		other.asks(90, 8*time.Hour)
		d.want(loweredA1, 1)
		d.want(sharedA1, 0)
		d.pass(34 * time.Hour)
		other.asks(90, 5*time.Hour)
		d.want(loweredA1, 0)
		d.want(sharedA1, 1)
		if n := len(d.log.lines("level=WARN", "not always the same, so another tool uses the same key")); n != 1 {
			d.Errorf("%d lines name it", n)
		}
	})
}

func TestEachAccountLearnsItsOwnAllowance(t *testing.T) {
	begin := tight(simulator.Limits{Kind: simulator.FixedHour, PerHour: 100})
	other := works(2, 5)
	other.Company.ID, other.Company.Name = "other.example", "Other"
	begin.more = []setting{{plant: other, perHour: 200, burst: 6, api: simulator.Options{Limits: simulator.Limits{PerHour: 210, Burst: 6}}}}
	play(t, begin, func(s *story) {
		s.pass(3 * time.Hour)
		if rate := s.rateNow(); rate < 95 || rate > 100 {
			t.Errorf("%v an hour of 100", rate)
		}
		s.want(`innius_exporter_api_allowance_requests_per_hour{account="a2"}`, 200)
		s.want(`innius_exporter_api_allowance_lowered{account="a2",cause="limit_or_shared"}`, 0)
		if n := s.apis[1].Stats().Limited; n > 0 {
			t.Errorf("%d 429s of the other account", n)
		}
	})
}

// TestWithoutAWaitTheRateIsFoundInTheEnd covers what is not documented: it may take hours.
func TestWithoutAWaitTheRateIsFoundInTheEnd(t *testing.T) {
	for name, kind := range limitKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := simulator.Limits{Kind: kind, PerHour: 80, RetryAfter: simulator.Absent}
			play(t, tight(limits), func(s *story) {
				d := note(s)
				d.pass(36 * time.Hour)
				ratio := d.rateNow() / 80
				d.Logf("%.3f of the true rate after 36 h, 429s in the first 12 h %d, then %d", ratio, d.between(0, 12*time.Hour),
					d.between(12*time.Hour, 36*time.Hour))
				if ratio < 0.8 || ratio > 1.1 {
					d.Errorf("%.3f of the true rate", ratio)
				}
				d.foreseeable()
			})
		})
	}
}
