package apicheck

import (
	"net/url"
	"regexp"
	"slices"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// Options say what to check and where the report goes. Client, Account, Config and Text are required.
type Options struct {
	Client  *innius.Client
	Account config.Account
	Index   int            // of the account in the config file
	Config  *config.Config // its filters and rules
	Proxy   *url.URL       // in use for the account's URL; nil: none
	All     bool           // list every machine and every sensor

	Text *Text // prints the report as it comes
}

// leftOut reports whether a filter leaves an object out.
func leftOut(f config.Filter, id, name string) bool {
	return matches(f.Exclude, id, name) || len(f.Include) > 0 && !matches(f.Include, id, name)
}

func matches(patterns []*regexp.Regexp, id, name string) bool {
	return slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(id) || re.MatchString(name) })
}

// mapped reports whether the first rule for a sensor gives a text value a number.
func (o *Options) mapped(m, s innius.Sensor, text string) bool {
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
