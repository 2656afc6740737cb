package apicheck

import (
	"net/url"
	"regexp"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// Options say what to check and who is told on the way. Client, Account and Config are required.
type Options struct {
	Client     *innius.Client
	Account    config.Account
	Index      int            // of the account in the config file
	Config     *config.Config // its filters and rules
	ConfigFile string         // empty: the account comes from flags and variables
	Proxy      *url.URL       // in use for the account's URL; nil: none
	All        bool           // list every machine and every sensor

	Begin func(*Report)     // called before the first request
	Step  func(Step)        // called after each request
	Price func(text string) // called before --all spends more
}

// pace is the time between two requests where the burst is spent.
func (o *Options) pace() time.Duration {
	return time.Duration(float64(time.Hour) / o.Account.RateLimit.Own())
}

// rejects says which filter leaves an object out; empty where none does.
func rejects(f config.Filter, what, id, name string) string {
	if matches(f.Exclude, id, name) {
		return "discovery." + what + ".exclude"
	}
	if len(f.Include) > 0 && !matches(f.Include, id, name) {
		return "not in discovery." + what + ".include"
	}
	return ""
}

func matches(patterns []*regexp.Regexp, id, name string) bool {
	for _, re := range patterns {
		if re.MatchString(id) || re.MatchString(name) {
			return true
		}
	}
	return false
}

// mapped reports whether the first rule for a sensor gives a text value a number.
func (o *Options) mapped(m innius.Machine, s innius.Sensor, text string) bool {
	for _, rule := range o.Config.Sensors {
		if fits(rule.Machine, m.ID, m.Name) && fits(rule.Sensor, s.ID, s.Name) {
			_, ok := rule.Values[text]
			return ok
		}
	}
	return false
}

func fits(re *regexp.Regexp, id, name string) bool {
	return re == nil || re.MatchString(id) || re.MatchString(name)
}
