package config

import (
	"errors"
	"io/fs"
)

// key finds the account's key. Errors name neither the path nor the variable: people write the key itself there.
func (v value) key(seen map[string]value, file, env string) KeySource {
	fileValue, hasFile := seen["api_key_file"]
	envValue, hasEnv := seen["api_key_env"]
	switch {
	case hasFile && hasEnv:
		envValue.report(keyTwice)
	case v.d.keyless:
	case hasFile && file != "":
		k, err := fileKey(v.d.path(file), v.d.read)
		return fileValue.checkedKey(k, err)
	case hasEnv && env != "":
		k, err := envKey(env, v.d.getenv)
		return envValue.checkedKey(k, err)
	case !triedKey(seen):
		v.report(keyMissing)
	}
	return KeySource{}
}

func (v value) checkedKey(k KeySource, err error) KeySource {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.report("%s; a relative path starts at the config file's directory", err)
	case err != nil:
		v.report("%s", err)
	}
	return k
}

// triedKey reports whether the account says something of a key, right or refused.
func triedKey(seen map[string]value) bool {
	for name := range seen {
		if namesSecret(name) {
			return true
		}
	}
	return attempted(seen, "api_key_file") || attempted(seen, "api_key_env")
}
