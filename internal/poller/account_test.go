package poller

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

func TestFirstSuccessResetsBackOff(t *testing.T) {
	for name, failure := range map[string]error{"outage": &innius.NetworkError{Sent: true}, "forbidden": &innius.Error{Status: 403}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prepare(t, setup{})
				defer s.stop()
				a := s.poller.accounts[0]
				tasks := s.failing(a, 4, failure)
				if due, _ := a.schedule.Due(); time.Until(due) != 30*time.Second {
					t.Errorf("four that fail alone wait %s, want 30 s", time.Until(due))
				}
				list := a.lists.add(innius.OpSensors, "m1")
				a.lists.sensors["m1"] = list
				a.lists.failed(list, "x", false, time.Now())
				a.recordResult(requestResult{class: resultKey, account: true}, failure, time.Now())
				time.Sleep(time.Minute)
				a.recordResult(requestResult{class: resultOK, account: true}, nil, time.Now())
				for _, one := range tasks {
					if one.Due().After(time.Now()) || one.Failures != 0 {
						t.Errorf("%s is left in back-off: %d failures, due in %s", one.Sensor.ID, one.Failures, time.Until(one.Due()))
					}
				}
				if list.Due().After(time.Now()) || list.failures != 0 || !a.lists.urgent.Holds(&list.Item) {
					t.Errorf("a list that was never read is left in back-off: %d failures, due in %s", list.failures, time.Until(list.Due()))
				}
			})
		})
	}
}

// failing makes so many sensors, each of which fails once.
func (s *scenario) failing(a *account, n int, failure error) []*Task {
	var sensors []*inventory.Sensor
	for i := range n {
		id := fmt.Sprintf("s%d", i)
		sensors = append(sensors, &inventory.Sensor{Sensor: &innius.Sensor{ID: id}, Machine: &inventory.Machine{}, Rule: inventory.NoRule, Entry: reading.New()})
	}
	a.schedule.Set("m1", specs(sensors))
	var tasks []*Task
	for range n {
		tasks = append(tasks, a.schedule.Next(time.Now()))
		a.handleReadings(tasks[len(tasks)-1], innius.Newest{}, failure, time.Now())
	}
	return tasks
}
