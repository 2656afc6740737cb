package poller

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// broken makes every request of an operation for these objects fail.
func broken(kind simulator.FaultKind, op string, objects ...string) []simulator.Fault {
	var faults []simulator.Fault
	for _, object := range objects {
		faults = append(faults, simulator.Fault{Kind: kind, Op: op, Object: object})
	}
	return faults
}

// wantUp fails if the account is down at the end of any minute.
func (s *scenario) wantUp(minutes int) {
	s.Helper()
	down := 0
	for range minutes {
		s.advance(time.Minute)
		down += int(1 - s.gather()[upA1])
	}
	if down > 0 {
		s.Errorf("down at the end of %d of %d min:\n%s", down, minutes, strings.Join(s.log.lines("level=ERROR"), ""))
	}
}

func TestPollerContinuesWithSingleFailingSensors(t *testing.T) {
	for _, kind := range []simulator.FaultKind{
		simulator.ServerError, simulator.Maintenance, simulator.Reset, simulator.Hang, simulator.NotFound, simulator.Forbidden,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: testPlant(4, 5), perHour: 600}
			begin.faults = broken(kind, simulator.OpValues, "m1-s1", "m1-s2", "m2-s1", "m2-s2", "m3-s1", "m3-s2", "m4-s1")
			runScenario(t, begin, func(s *scenario) {
				s.wantUp(60)
				if n := s.states("a1", SensorCurrent); n != 13 {
					t.Errorf("%v sensors are fresh, want 13", n)
				}
				if n := s.states("a1", SensorPending); n != 7 {
					t.Errorf("%v sensors are pending, want 7", n)
				}
				if n := s.api.Stats().Of(simulator.OpCompany, http.StatusOK); n > 60 {
					t.Errorf("the company was requested %d times in an hour", n)
				}
			})
		})
	}
}

func TestFailingListsDoNotBlockOthers(t *testing.T) {
	begin := setup{plant: testPlant(15, 2)}
	for i := range 12 {
		begin.faults = append(begin.faults, broken(simulator.ServerError, simulator.OpSensors, fmt.Sprintf("m%d", i+1))...)
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(2 * time.Minute)
		if n := s.states("a1", SensorCurrent); n != 6 {
			t.Errorf("%v sensors are fresh after 2 min, want those of the 3 good machines", n)
		}
		s.wantUp(20)
	})
}

func TestAccountFailsWithoutSuccessfulPoll(t *testing.T) {
	for kind, reason := range map[simulator.FaultKind]string{
		simulator.NotFound: "invalid_response", simulator.BadRequest: "invalid_response", simulator.Forbidden: "invalid_response", simulator.ServerError: "server",
		simulator.NotAList: "invalid_response", simulator.Hang: "network",
	} {
		for _, size := range []struct{ machines, sensors int }{{4, 5}, {1, 1}} {
			t.Run(fmt.Sprintf("%s with %d sensors", kind, size.machines*size.sensors), func(t *testing.T) {
				t.Parallel()
				begin := setup{plant: testPlant(size.machines, size.sensors)}
				runScenario(t, begin, func(s *scenario) { s.throughFailingValues(kind, reason, size.machines*size.sensors) })
			})
		}
	}
}

func (s *scenario) throughFailingValues(kind simulator.FaultKind, reason string, sensors int) {
	s.advance(10 * time.Minute)
	remove := s.api.Inject(simulator.Fault{Kind: kind, Op: simulator.OpValues})
	s.advance(time.Minute)
	s.want(upA1, 1)
	s.advance(7 * time.Minute)
	s.want(upA1, 0)
	s.wantReason(reason)
	before := s.api.Stats()
	s.advance(30 * time.Minute)
	after := s.api.Stats()
	attempts := 1
	if kind == simulator.Hang {
		attempts = 2 // it may be that one request is under way at either end
	}
	if n := after.Of(simulator.OpCompany, http.StatusOK) - before.Of(simulator.OpCompany, http.StatusOK); n < 20 || n > 31 {
		s.Errorf("the company was probed %d times in 30 min", n)
	}
	if n := after.Faults[kind] - before.Faults[kind]; n < 20 || n > 30*attempts+1 {
		s.Errorf("%d values requests in 30 min, want one a minute", n)
	}
	for id, n := range after.Values {
		if probed := n - before.Values[id]; probed > 30/sensors+2 {
			s.Errorf("%s was requested %d times in 30 min, want a different sensor each time", id, probed)
		}
	}
	s.want(upA1, 0)
	remove()
	s.advance(2*time.Minute + s.view(1).Cycle)
	s.want(upA1, 1)
	s.wantReason("")
	s.wantAllReadSince(48*time.Minute, sensors)
	s.wantOneLine("Account is failing")
	s.wantOneLine("Requests succeed again")
}

func (s *scenario) wantOneLine(text string) {
	s.Helper()
	if n := len(s.log.lines(text)); n != 1 {
		s.Errorf("%d lines %q, want 1:\n%s", n, text, strings.Join(s.log.lines(text), ""))
	}
}

func TestRefusedConnectionFailsAccountOnly(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 3)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.fronts[0].gone.Store(true)
		s.poller.accounts[0].Client.CloseIdleConnections()
		s.advance(time.Minute)
		s.want(upA1, 0)
		s.wantReason("network")
		s.advance(30 * time.Minute)
		if n := s.states("a1", SensorFailing); n != 0 {
			t.Errorf("%v sensors are blamed", n)
		}
		if n := len(s.log.lines("level=WARN")); n != 0 {
			t.Errorf("%d warnings:\n%s", n, strings.Join(s.log.lines("level=WARN"), ""))
		}
		s.fronts[0].gone.Store(false)
		s.advance(2 * time.Minute)
		s.want(upA1, 1)
		s.wantAllReadSince(41*time.Minute, 9)
		s.wantOneLine("Account is failing")
		s.wantOneLine("Requests succeed again")
	})
}

// An old connection may be dead, or lead to an address that the name no longer has.
func TestProbesUseNewConnections(t *testing.T) {
	runScenario(t, setup{plant: testPlant(3, 3)}, func(s *scenario) {
		s.advance(10 * time.Minute)
		s.api.Inject(simulator.Fault{Kind: simulator.ServerError})
		s.advance(5 * time.Minute)
		dials, failed := s.fronts[0].dials.Load(), s.api.Stats().Faults[simulator.ServerError]
		s.advance(20 * time.Minute)
		dials, failed = s.fronts[0].dials.Load()-dials, s.api.Stats().Faults[simulator.ServerError]-failed
		if int(dials) != failed || failed < 19 || failed > 21 {
			t.Errorf("%d connections for %d probes in 20 min", dials, failed)
		}
	})
}

func TestPollerPausesUntilRetryAfterOf503(t *testing.T) {
	busy := simulator.Fault{Kind: simulator.Unavailable, RetryAfter: "300", From: dawn.Add(10 * time.Minute), Until: dawn.Add(18 * time.Minute)}
	runScenario(t, setup{plant: testPlant(3, 3), faults: []simulator.Fault{busy}, concurrency: 1}, func(s *scenario) {
		s.advance(11 * time.Minute)
		sent := s.api.Stats().Requests
		if n := s.api.Stats().Faults[simulator.Unavailable]; n != 1 {
			t.Errorf("%d requests, want none after the first 503", n)
		}
		s.advance(3*time.Minute + 50*time.Second)
		if n := s.api.Stats().Requests - sent; n != 0 {
			t.Errorf("%d requests in a stated pause", n)
		}
		s.advance(20 * time.Second)
		s.want(upA1, 0) // the company gets a 503, too
		s.wantReason("server")
		if n := s.api.Stats().Requests - sent; n != 1 {
			t.Errorf("%d requests after the pause, want 1", n)
		}
		s.advance(5*time.Minute + 30*time.Second)
		s.want(upA1, 1)
		s.advance(time.Minute)
		s.wantAllReadSince(20*time.Minute, 9)
	})
}

// The first 503 does not show that it concerns only one sensor.
func TestUnavailableSensorPausesAccountOnce(t *testing.T) {
	alone := simulator.Fault{Kind: simulator.Unavailable, RetryAfter: "600", Object: "m1-s1"}
	runScenario(t, setup{plant: testPlant(3, 3), faults: []simulator.Fault{alone}}, func(s *scenario) {
		s.advance(25 * time.Minute)
		before := s.api.Stats()
		s.advance(10 * time.Minute)
		s.want(upA1, 1)
		if after := s.api.Stats(); after.Faults[simulator.Unavailable] < 3 || after.Requests-before.Requests < 150 {
			t.Errorf("%d responses with 503; %d requests in the last 10 min", after.Faults[simulator.Unavailable], after.Requests-before.Requests)
		}
		if n := len(s.log.lines("innius is unavailable")); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}

// A wait of zero in each response would cause requests without a pause.
func TestPollerUsesShortWaitOnce(t *testing.T) {
	for kind, most := range map[simulator.FaultKind]int{simulator.TooMany: 6, simulator.Unavailable: 20} {
		for _, header := range []string{"0", "1"} {
			t.Run(fmt.Sprint(kind, " ", header), func(t *testing.T) {
				t.Parallel()
				fault := simulator.Fault{Kind: kind, RetryAfter: header, From: dawn.Add(10 * time.Minute)}
				runScenario(t, setup{plant: testPlant(3, 3), faults: []simulator.Fault{fault}, concurrency: 1}, func(s *scenario) {
					s.advance(15 * time.Minute)
					if n := s.api.Stats().Faults[kind]; n < 3 || n > most {
						t.Errorf("%d requests in 5 min, want %d at most", n, most)
					}
				})
			})
		}
	}
}

func TestConfiguredCompanyNeedsNoRequest(t *testing.T) {
	begin := setup{plant: testPlant(3, 3), company: innius.Company{ID: "works.example", Name: "Plant"}}
	begin.faults = []simulator.Fault{{Kind: simulator.Forbidden, Op: simulator.OpCompany}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(2 * time.Minute)
		s.want(`innius_account_info{account="a1",company="Plant",company_id="works.example",company_name="Plant"}`, 1)
		s.want(`innius_exporter_sensors{account="a1",status="current"}`, 9)
		remove := s.api.Inject(simulator.Fault{Kind: simulator.ServerError})
		s.advance(10 * time.Minute)
		s.want(upA1, 0)
		s.wantReason("server")
		remove()
		s.advance(2 * time.Minute)
		s.want(upA1, 1)
		remove = s.api.Inject(simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpValues})
		s.advance(10 * time.Minute)
		s.want(upA1, 0)
		s.wantReason("invalid_response")
		remove()
		s.advance(3 * time.Minute)
		s.want(upA1, 1)
		s.restart(time.Minute)
		s.start()
		s.advance(2 * time.Minute)
		s.want(`innius_exporter_sensors{account="a1",status="current"}`, 9)
		if n := s.api.Stats().Faults[simulator.Forbidden]; n != 0 {
			t.Errorf("%d company requests", n)
		}
	})
}

// The same, but the company of the config changes under a reload or a restart.
func TestHandOverWithConfiguredCompany(t *testing.T) {
	fixed := innius.Company{ID: "works.example", Name: "Plant"}
	info := func(name string) string {
		return fmt.Sprintf(`innius_account_info{account="a1",company=%q,company_id="works.example",company_name=%q}`, name, name)
	}
	for name, change := range map[string]func(s *scenario){
		"reload": func(s *scenario) { s.reload(nil) },
		"restart": func(s *scenario) {
			s.restart(time.Minute)
			s.start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(2, 3)}, func(s *scenario) {
				s.advance(5 * time.Minute)
				sent := s.api.Stats().Of(simulator.OpMachines, http.StatusOK)
				s.setups[0].company = fixed
				change(s)
				s.advance(time.Second)
				s.want(info("Plant"), 1)
				s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
				companies := s.api.Stats().Of(simulator.OpCompany, http.StatusOK)
				s.advance(30 * time.Minute)
				if n := s.api.Stats().Of(simulator.OpCompany, http.StatusOK) - companies; n != 0 {
					t.Errorf("%d company requests", n)
				}
				if n := s.api.Stats().Of(simulator.OpMachines, http.StatusOK) - sent; n != 0 {
					t.Errorf("%d machine lists: the known one is of the same company", n)
				}
				s.setups[0].company = innius.Company{ID: "other.example", Name: "Other"}
				change(s)
				s.advance(time.Minute)
				if n := s.gather().count("innius_sensor_value"); n != 0 {
					t.Errorf("%d values of a company that is not the config's", n)
				}
				s.wantOneLine("another company than the saved state")
				s.wantReason("invalid_response") // the machine list of that company is a 404
				s.setups[0].company = innius.Company{}
				change(s)
				s.advance(3 * time.Minute)
				s.want(info("Works"), 1)
				s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
				s.wantReason("")
			})
		})
	}
}

// Without the company request an account is ready, or not, by its machine list.
func TestReadyWhenMachineListFailsWithConfiguredCompany(t *testing.T) {
	begin := setup{plant: testPlant(2, 3), company: innius.Company{ID: "works.example", Name: "Plant"}, faults: []simulator.Fault{{Kind: simulator.Reset}}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		s.want(upA1, 0)
		s.wantReason("network")
		if !s.poller.Ready() {
			t.Error("not ready although the first discovery has failed")
		}
	})
}

// The first page of an incomplete machine list does not close the circuit, and the failure is logged once.
func TestMachineListFailureOnSecondPage(t *testing.T) {
	begin := setup{plant: testPlant(6, 2), concurrency: 1}
	begin.client.PageSize = 2
	begin.api.Format.CursorTTL = time.Millisecond // each second page gets a 400
	begin.faults = []simulator.Fault{slow(time.Second)}
	runScenario(t, begin, func(s *scenario) {
		s.advance(30 * time.Minute)
		s.want(upA1, 0)
		s.wantOneLine("Account is failing")
		s.wantReason("invalid_response")
	})
}
