package apicheck

import (
	"regexp"
	"slices"

	"innius_exporter/internal/config"
)

func reject(f config.Filter, key, id, name string) string {
	any := func(patterns []*regexp.Regexp) bool {
		return slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return fits(re, id, name) })
	}
	if any(f.Exclude) || len(f.Include) > 0 && !any(f.Include) {
		return key
	}
	return ""
}

func fits(re *regexp.Regexp, id, name string) bool {
	return re == nil || re.MatchString(id) || re.MatchString(name)
}
