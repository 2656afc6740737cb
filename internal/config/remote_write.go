package config

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

// RemoteWrite is a receiver of every reading, and how to reach it. The values of Headers and the query of URL may be secret.
type RemoteWrite struct {
	// Name is unique in any case of letters; it is the label receiver and names the spool. Default: the host of URL.
	Name string  `yaml:"name" max:"200"`
	URL  Address `yaml:"url" schemes:"https http" required:"it is in the documentation of the receiver"`

	ExternalLabels map[string]string        `yaml:"external_labels" names:"label"`
	Headers        map[string]innius.Secret `yaml:"headers" names:"header"`
	HTTPClient     ReceiverClient           `yaml:"http_client"`
	AllowHTTP      bool                     `yaml:"allow_http" default:"false"` // permits to send a secret over http://
	Timeout        time.Duration            `yaml:"timeout" default:"30s" min:"1s" max:"5m"`
	Spool          units.Base2Bytes         `yaml:"spool" default:"1GiB" min:"1MiB" max:"1PiB"` // on disk, at most
}

// ReceiverClient sets how connections to a receiver are made, and with which credentials.
type ReceiverClient struct {
	HTTPClient
	BasicAuth     BasicAuth     `yaml:"basic_auth"`
	Authorization Authorization `yaml:"authorization"`
}

// BasicAuth is a user, and the file with the password, which is read for each request. Both are set, or neither.
type BasicAuth struct {
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file" format:"path"`
}

// Authorization sets the header Authorization to Type, which is Bearer if it is empty, and the content of a file, which is read
// for each request.
type Authorization struct {
	Type            string `yaml:"type"`
	CredentialsFile string `yaml:"credentials_file" format:"path"`
}

// Address is a URL of which the query may be secret: printed in any way it shows <secret> for it. The zero value has no URL.
type Address struct {
	base  *url.URL // without the query
	query innius.Secret
}

// URL returns the URL with its query; nil for the zero value.
func (a Address) URL() *url.URL {
	if a.base == nil {
		return nil
	}
	u := *a.base
	u.RawQuery = a.query.Reveal()
	return &u
}

// String returns the URL, with <secret> for its query, and for what could be a key in its path.
func (a Address) String() string {
	switch {
	case a.base == nil:
		return ""
	case a.query.Empty():
		return ShownURL(a.base)
	}
	return ShownURL(a.base) + "?" + a.query.String()
}

// GoString keeps %#v from printing the query.
func (a Address) GoString() string { return a.String() }

// MarshalText keeps encoders from printing the query.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// parseAddress is parseURL for a URL that may have a query.
func parseAddress(text string, schemes []string) (Address, error) {
	base, query, _ := strings.Cut(text, "?")
	if strings.Contains(text, "#") {
		return Address{}, errors.New("must not contain a fragment; # in the query is %23")
	}
	u, err := parseURL(base, schemes)
	if err == nil {
		u, err = parseURL(u.String(), schemes) // what was not escaped is now
	}
	if err != nil {
		return Address{}, err
	}
	_, err = url.ParseQuery(query) // else it could not be redacted
	if err != nil || strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Address{}, errors.New("must have a query of the form a=b&c=d, in which special characters are escaped, such as %20 " +
			"for a space")
	}
	return Address{u, innius.NewSecret(query)}, nil
}

func wrongLabel(name string) string {
	switch {
	case slices.Contains([]string{"company", "machine", "sensor"}, name):
		return "must not be set: each series has this label already"
	case !model.LegacyValidation.IsValidLabelName(name):
		return "is not a valid label name; it must consist of letters, digits and underscores, and not begin with a digit"
	case strings.HasPrefix(name, "__"):
		return "must not begin with two underscores: such labels are reserved for Prometheus"
	}
	return ""
}

var (
	// token is the form of the name of a header, and of a type of authorization (RFC 9110, 5.6.2).
	token = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	// ownHeaders belong to the exporter or to the connection.
	ownHeaders = regexp.MustCompile("^(?i)(authorization|proxy-authorization|cookie|host|x-api-key|user-agent|content-.*|" +
		"transfer-encoding|connection|x-prometheus-remote-write-.*)$")
)

func wrongHeader(name string) string {
	switch {
	case !token.MatchString(name):
		return "is not a valid name of a header"
	case ownHeaders.MatchString(name):
		return "must not be set here: it belongs to the exporter or the connection; credentials belong under http_client, in " +
			"basic_auth or authorization"
	}
	return ""
}

func (c *Config) validateReceivers(n node) {
	names := map[string]int{} // to 1 + the index of the receiver
	for i, r := range c.RemoteWrite {
		receiver, name := n.at(fmt.Sprintf("remote_write[%d]", i)), strings.ToLower(r.Name)
		if first := names[name]; first > 0 && name != "" {
			receiver.at("name").report("is also the name of remote_write[%d]; each receiver needs its own name, which is the host of "+
				"its url by default", first-1)
		}
		names[name] = i + 1
		for _, f := range r.HTTPClient.secretFiles() {
			if slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.KeyFile == f.path }) {
				receiver.at("http_client." + f.key).report("is the api_key_file of an account; a receiver must not get the key of innius")
			}
		}
	}
}

// maxSpoolName bounds a name as it is escaped in the name of a directory, in bytes; file systems permit 255.
const maxSpoolName = 200

func (r *RemoteWrite) validate(n node) {
	if r.URL.base != nil && !n.has("name") {
		r.Name = r.URL.base.Host
	}
	if n.valid("name") && len(url.QueryEscape(r.Name)) > maxSpoolName {
		n.at("name").report("must have at most %d bytes when it is escaped as in a URL: it names a directory", maxSpoolName)
	}
	written := map[string]bool{}
	for name := range r.Headers {
		if name = http.CanonicalHeaderKey(name); written[name] {
			n.at("headers").report("contains %s twice: the names of headers have no case", shown(name))
		}
		written[name] = true
	}
	if u := r.URL.base; u != nil && u.Scheme == "http" && !r.AllowHTTP && r.hasSecret() {
		if !innius.Loopback(u.Hostname()) {
			n.at("url").report("must start with https://, because there are credentials, headers or a query: over http everyone on the " +
				"network path can read them (allow_http: true permits it)")
		} else if r.HTTPClient.ProxyURL != nil {
			n.at("http_client").report("must not have a proxy_url when url begins with http://: the proxy could read credentials, " +
				"headers and query, and this machine is reached without one. allow_http: true permits it")
		}
	}
}

// hasSecret reports whether a request contains what may be secret, besides the readings.
func (r *RemoteWrite) hasSecret() bool {
	h := r.HTTPClient
	return len(r.Headers) > 0 || !r.URL.query.Empty() || h.BasicAuth != BasicAuth{} || h.Authorization != Authorization{}
}

func (h *ReceiverClient) validate(n node) {
	h.HTTPClient.validate(n)
	if h.BasicAuth != (BasicAuth{}) && h.Authorization != (Authorization{}) {
		n.at("authorization").report("is set together with basic_auth; keep one of the two")
	}
	for _, f := range h.secretFiles() {
		if n.d.read == nil {
			continue
		}
		if _, err := readSecretFile(f.path, n.d.read); err != nil {
			n.at(f.key).report("%s", err)
		}
	}
}

// secretFile is a file with credentials, and its key.
type secretFile struct{ key, path string }

// secretFiles returns the files that are set.
func (h *ReceiverClient) secretFiles() []secretFile {
	return slices.DeleteFunc([]secretFile{
		{"basic_auth.password_file", h.BasicAuth.PasswordFile}, {"authorization.credentials_file", h.Authorization.CredentialsFile},
	}, func(f secretFile) bool { return f.path == "" })
}

func (b *BasicAuth) validate(n node) {
	switch user, password := n.has("username"), n.has("password_file"); {
	case user && !password:
		n.at("username").report("needs password_file, too")
	case password && !user:
		n.at("password_file").report("needs username, too")
	case strings.Contains(b.Username, ":"):
		n.at("username").report("must not contain a colon: basic authentication cannot send it")
	}
}

func (a *Authorization) validate(n node) {
	switch {
	case n.has("type") && !n.has("credentials_file"):
		n.at("type").report("needs credentials_file, too")
	case strings.EqualFold(a.Type, "basic"):
		n.at("type").report("must not be Basic; use basic_auth")
	case n.has("type") && n.valid("type") && !token.MatchString(a.Type):
		n.at("type").report("must be one word, such as Bearer")
	}
}

// maxSecret bounds a file with credentials, in bytes.
const maxSecret = 64 << 10

// readSecretFile returns the one line of a file with credentials. Its errors do not quote the content.
func readSecretFile(path string, read reader) (string, error) {
	data, err := read(path, maxSecret)
	secret := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return "", fmt.Errorf("the file %s cannot be read: %w", shownPath(path), cause(err))
	case secret == "":
		return "", fmt.Errorf("the file %s is empty", shownPath(path))
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("the file %s must contain one line of text, without control characters", shownPath(path))
	}
	return secret, nil
}

// Header reads the credentials. It returns the header Authorization, empty without credentials, and the secrets in it. Its errors
// do not quote the content of a file.
func (h *ReceiverClient) Header() (authorization string, secrets []string, err error) {
	path := cmp.Or(h.BasicAuth.PasswordFile, h.Authorization.CredentialsFile)
	if path == "" {
		return "", nil, nil
	}
	secret, err := readSecretFile(path, readAtMost)
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("read credentials: %w", err)
	case h.BasicAuth.PasswordFile != "":
		both := base64.StdEncoding.EncodeToString([]byte(h.BasicAuth.Username + ":" + secret))
		return "Basic " + both, []string{both, secret}, nil
	}
	return cmp.Or(h.Authorization.Type, "Bearer") + " " + secret, []string{secret}, nil
}

// Warnings returns the settings by which others may get readings or credentials, and those that are probably incomplete.
func (r *RemoteWrite) Warnings() []string {
	var all []string
	if u := r.URL.base; u != nil && strings.Trim(u.Path, "/") == "" {
		all = append(all, "url has no path: that of most receivers has one, such as /api/v1/write")
	}
	if u := r.URL.base; u != nil && u.Scheme == "http" && (!innius.Loopback(u.Hostname()) || r.HTTPClient.ProxyURL != nil) {
		all = append(all, "readings, and credentials if there are any, are sent over http:// and can be read on the way")
	}
	if r.HTTPClient.TLS.InsecureSkipVerify {
		all = append(all, "the server's certificate is not verified: any server that accepts the connection gets readings and "+
			"credentials")
	}
	for _, f := range r.HTTPClient.secretFiles() {
		if worldReadable(f.path) {
			all = append(all, "every user of this machine can read the file "+f.path+chmod)
		}
	}
	return all
}
