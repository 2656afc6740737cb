package config

import "fmt"

// What users read in errors for the one account without a config file.
const (
	flagURL     = "--innius.url (INNIUS_URL)"
	flagKeyFile = "--innius.api-key-file"
	keyVariable = "INNIUS_API_KEY"
)

// Source says where the config comes from, as flags do: a file, or the one account that url and key define. The key
// itself is never a flag: every user of the machine can read those.
type Source struct {
	File    string // --config.file
	URL     string // --innius.url or INNIUS_URL
	KeyFile string // --innius.api-key-file, relative to the working directory
}

// Load reads the config anew; a reload calls it again. Both ways at once are refused: a key must never reach a host
// that it was not meant for. In a file, a variable is read only where api_key_env names it.
func (s Source) Load(getenv func(string) string) (*Config, error) {
	c, err := s.load(getenv)
	if err != nil {
		return nil, err
	}
	if err := badProxy(c, s.File, getenv); err != nil {
		return nil, err
	}
	return c, nil
}

func (s Source) load(getenv func(string) string) (*Config, error) {
	if s.File == "" {
		return FromEnvironment(s.URL, s.KeyFile, getenv)
	}
	c, err := s.file(outside{getenv: getenv, read: readAtMost})
	if err != nil {
		return nil, err
	}
	if err := strayKey(c, s.File, getenv); err != nil {
		return nil, err
	}
	return c, nil
}

// LoadKeyless is Load for who asks innius for nothing: keys are not looked for, and without a file the URL may be missing,
// too. Such a config must not be run with.
func (s Source) LoadKeyless() (*Config, error) {
	if s.File != "" {
		return s.file(outside{read: readAtMost, keyless: true})
	}
	a := DefaultAccount()
	a.Name = defaultName
	if s.URL != "" {
		var err error
		if a.URL, err = checkURL(s.URL, false); err != nil {
			return nil, asError("", []Mistake{{Path: flagURL, Text: err.Error()}})
		}
	}
	c := Default()
	c.Accounts = []Account{a}
	return c, nil
}

// defaultName is the name of the one account that exists when there is no file.
const defaultName = "default"

// file loads the config file, which must be the only source.
func (s Source) file(o outside) (*Config, error) {
	const text = "is set beside --config.file; keep one of the two: a key must not reach a host it was not meant for"
	var mistakes []Mistake
	if s.URL != "" {
		mistakes = append(mistakes, Mistake{Path: flagURL, Text: text})
	}
	if s.KeyFile != "" {
		mistakes = append(mistakes, Mistake{Path: flagKeyFile, Text: text})
	}
	if err := asError("", mistakes); err != nil {
		return nil, err
	}
	return load(s.File, o)
}

// strayKey refuses a key in the environment that no account of the file asks for.
func strayKey(c *Config, file string, getenv func(string) string) error {
	if getenv(keyVariable) == "" {
		return nil
	}
	for _, a := range c.Accounts {
		if a.Key.Variable() == keyVariable {
			return nil
		}
	}
	return asError(file, []Mistake{{
		Path: keyVariable,
		Text: "is set, but no api_key_env names it; unset it, or name it for the account whose key it is",
	}})
}

// FromEnvironment returns the config of the one account, named default, that exists when there is no file. The key
// comes from keyFile or else from the variable INNIUS_API_KEY.
func FromEnvironment(url, keyFile string, getenv func(string) string) (*Config, error) {
	var mistakes []Mistake
	note := func(path string, err error) {
		if err != nil {
			mistakes = append(mistakes, Mistake{Path: path, Text: err.Error()})
		}
	}
	a := DefaultAccount()
	a.Name = defaultName
	var err error
	a.URL, err = checkURL(url, false)
	note(flagURL, err)
	path, key, err := environmentKey(keyFile, getenv)
	note(path, err)
	a.Key = key
	if err := asError("", mistakes); err != nil {
		return nil, err
	}
	c := Default()
	c.Accounts = []Account{a}
	return c, nil
}

// environmentKey returns the key and, for an error, the flag or variable that it is about.
func environmentKey(keyFile string, getenv func(string) string) (string, KeySource, error) {
	text := getenv(keyVariable)
	switch {
	case keyFile != "" && text != "":
		return keyVariable, KeySource{}, fmt.Errorf("is set beside %s; keep exactly one of the two", flagKeyFile)
	case keyFile != "":
		k, err := fileKey(keyFile, readAtMost)
		return flagKeyFile, k, err
	case text == "":
		return keyVariable, KeySource{}, fmt.Errorf("is not set; %s, and set it, or %s", keyWhere, flagKeyFile)
	}
	key, err := parseKey(text)
	if err != nil {
		return keyVariable, KeySource{}, err
	}
	return keyVariable, KeySource{&keySource{variable: keyVariable, good: holding(key)}}, nil
}
