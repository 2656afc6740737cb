package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Names in the errors of the one account without a config file.
const (
	flagURL     = "--innius.url (INNIUS_URL)"
	flagKeyFile = "--innius.api-key-file"
	keyVariable = "INNIUS_API_KEY"
)

// Source is where the config comes from: a file, or the flags that define one account. The key itself is never a flag: all
// users of a machine can read the flags of a process.
type Source struct {
	File    string // --config.file
	URL     string // --innius.url or INNIUS_URL
	KeyFile string // --innius.api-key-file, relative to the working directory
}

// Load reads the config; a reload calls it again. A file together with the flags is refused: a key must not reach a host that it
// was not meant for. The error is an *Error, or one of the file system.
func (s Source) Load(getenv func(string) string) (*Config, error) {
	c, err := s.load(environment{getenv: getenv, read: readAtMost})
	if err != nil {
		return nil, err
	}
	var errs []FieldError
	isNamed := func(a Account) bool { return a.KeyEnv == keyVariable }
	if s.File != "" && getenv(keyVariable) != "" && !slices.ContainsFunc(c.Accounts, isNamed) {
		errs = append(errs, FieldError{
			Path: keyVariable, Text: "is set, but no api_key_env names it; unset it, or name it in the account that it is for",
		})
	}
	if err := asError(s.File, append(errs, badProxies(c, getenv)...)); err != nil {
		return nil, err
	}
	return c, nil
}

// LoadSyntax is Load without keys and without the files that the config names: it checks the config file alone. The exporter must
// not run with such a config.
func (s Source) LoadSyntax() (*Config, error) {
	if s.File == "" {
		return nil, errors.New("--config.file is missing: without it there is no syntax to check")
	}
	return s.load(environment{})
}

// LoadKeyless is LoadSyntax for a plan: accounts need no key, and without a file the URL may be missing. A key that is there is
// refused in the config, as by Load.
func (s Source) LoadKeyless(getenv func(string) string) (*Config, error) {
	e := environment{getenv: getenv, keyless: true}
	if s.File != "" || s.URL != "" {
		return s.load(e)
	}
	s.URL = "https://unknown.invalid"
	c, err := s.load(e)
	if err == nil {
		c.Accounts[0].URL = nil
	}
	return c, err
}

func (s Source) load(e environment) (*Config, error) {
	if s.File == "" {
		return s.fromFlags(e)
	}
	const text = "is set together with --config.file; keep one of the two: a key must not reach a host it was not meant for"
	var errs []FieldError
	for _, flag := range [][2]string{{flagURL, s.URL}, {flagKeyFile, s.KeyFile}} {
		if flag[1] != "" {
			errs = append(errs, FieldError{Path: flag[0], Text: text})
		}
	}
	if err := asError("", errs); err != nil {
		return nil, err
	}
	data, err := readAtMost(s.File, 1<<20) // a config with a thousand rules is far smaller
	if err != nil {
		return nil, fmt.Errorf("read the config file %s: %w", s.File, cause(err))
	}
	return parse(data, s.File, e)
}

// fromFlags returns the config of the one account, named default, that exists without a file.
func (s Source) fromFlags(e environment) (*Config, error) {
	account := map[string]string{"name": "default", "url": s.URL, "api_key_file": s.KeyFile}
	if e.getenv != nil && e.getenv(keyVariable) != "" {
		account["api_key_env"] = keyVariable
	}
	maps.DeleteFunc(account, func(_, text string) bool { return text == "" })
	data, err := yaml.Marshal(map[string]any{"accounts": []any{account}})
	if err != nil {
		return nil, err
	}
	c, err := parse(data, "", e)
	if list, ok := errors.AsType[*Error](err); ok {
		words := strings.NewReplacer("accounts[0].", "", "accounts[0]", "flags", "url", flagURL, "api_key_file", flagKeyFile,
			"api_key_env", keyVariable)
		for i, f := range list.Fields {
			list.Fields[i] = FieldError{Path: words.Replace(f.Path), Text: words.Replace(f.Text)}
		}
	}
	return c, err
}

// badProxies refuses a proxy variable that is not the URL of a proxy: Go would ignore it and connect directly, or take a part of
// the password for the host. The error does not quote it.
func badProxies(c *Config, getenv func(string) string) []FieldError {
	var errs []FieldError
	for _, name := range []string{"https_proxy", "http_proxy"} {
		used := slices.ContainsFunc(c.Accounts, func(a Account) bool {
			return a.HTTPClient.ProxyFromEnvironment && a.URL.Scheme+"_proxy" == name
		}) || slices.ContainsFunc(c.RemoteWrite, func(r RemoteWrite) bool {
			return r.HTTPClient.ProxyFromEnvironment && r.URL.base.Scheme+"_proxy" == name
		})
		if upper := strings.ToUpper(name); getenv(upper) != "" {
			name = upper
		}
		if text := getenv(name); used && text != "" && !isProxy(text) {
			errs = append(errs, FieldError{Path: name, Text: "is not a valid proxy URL; it must look like http://host:3128 or " +
				"http://user:password@host:3128 (http, https, socks5 or socks5h), with the signs @ : / ? # % of a password " +
				"written as %40 %3A %2F %3F %23 %25"})
		}
	}
	return errs
}

// isProxy reports whether a text is a proxy's URL, or host and port, which Go takes for http://.
func isProxy(text string) bool {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	schemes := []string{"http", "https", "socks5", "socks5h"}
	return err == nil && u.Hostname() != "" && validPort(u.Port()) && slices.Contains(schemes, u.Scheme)
}

// reader reads a file of at most so many bytes.
type reader func(path string, most int64) ([]byte, error)

// readAtMost reads a file of at most most bytes. A pipe or a device, such as a terminal, could block without end.
func readAtMost(path string, most int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0 {
		return nil, errors.New("is a pipe or a device, which could block without end; use a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("is too large: more than %d bytes", most)
	}
	return data, err
}

// cause strips the path from an error of the file system: a key may have been written in its place.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
