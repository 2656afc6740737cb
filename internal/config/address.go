package config

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"innius_exporter/innius"
)

const urlMissing = "is missing: the base URL stands in the API reference of the innius developer portal; " +
	"there is no default, because a guessed host would be handed your key"

var (
	errURLMissing  = errors.New(urlMissing)
	errURLInvalid  = errors.New("is no valid URL; it must look like https://host/path")
	errURLUserinfo = errors.New("must not hold a user name or password; innius knows only the key")
	errURLQuery    = errors.New("must not hold a query or fragment; put the query into the templates under endpoints")
	errURLHTTP     = errors.New("must begin with https://: over http:// anyone on the way could read the key; " +
		"allow_http: true in the config file permits it nevertheless")
)

// checkURL parses a base URL. Its errors never quote the URL, which may hold a secret.
func checkURL(address string, allowHTTP bool) (*url.URL, error) {
	if strings.TrimSpace(address) == "" {
		return nil, errURLMissing
	}
	u, err := parseHostURL(address, "https", "http")
	switch {
	case err != nil:
		return nil, err
	case strings.ContainsAny(address, "?#"):
		return nil, errURLQuery
	case innius.CheckBaseURL(u, allowHTTP) != nil: // what else it refuses is refused above
		return nil, errURLHTTP
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	if u, err = url.Parse(u.String()); err != nil { // as it will be sent: what was not escaped is now
		return nil, errURLInvalid
	}
	return u, nil
}

// parseHostURL parses a URL that must have one of the schemes, a host and no userinfo. Where even parsing fails, an
// at sign tells that a password was meant: url.Parse would quote it.
func parseHostURL(address string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil && strings.Contains(address, "@"), err == nil && u.User != nil:
		return nil, errURLUserinfo
	case err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) || !validPort(u.Port()):
		return nil, errURLInvalid
	}
	return u, nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
