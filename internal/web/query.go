package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// parseQuery reads the parameters account, which may be given several times, machine, sensor and status. An empty parameter, as a
// form sends it, selects nothing.
func parseQuery(raw string) (q status.Selection, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("malformed query: write % and ; as %25 and %3B")
	}
	for name, given := range values {
		if len(given) > 1 && name != "account" {
			return status.Selection{}, fmt.Errorf("parameter %q is given %d times; it may be given once", cut(name), len(given))
		}
		switch name {
		case "account":
			q.Accounts = slices.DeleteFunc(given, func(account string) bool { return account == "" })
		case "machine":
			q.Machine = given[0]
		case "sensor":
			q.Sensor = given[0]
		case "status":
			q.Status = poller.SensorStatus(given[0])
		default:
			return status.Selection{}, fmt.Errorf("unknown parameter %q; known are account, machine, sensor and status", cut(name))
		}
	}
	if q.Status != "" && !slices.Contains(poller.SensorStatuses[:], q.Status) {
		return status.Selection{}, fmt.Errorf("unknown status %q; known are %s", cut(string(q.Status)),
			strings.ReplaceAll(strings.Trim(fmt.Sprint(poller.SensorStatuses), "[]"), " ", ", "))
	}
	return q, nil
}
