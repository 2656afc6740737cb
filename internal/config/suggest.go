package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const inlineKey = "a key in the file itself is refused: anyone who can read the config could read the key; use "

// secretNames are the keys under which people write secrets; their values are never echoed.
var secretNames = []string{
	"api_key", "apikey", "x_api_key", "key", "token", "api_token", "bearer_token", "password", "passwd", "secret",
	"credentials", "authorization",
}

// namesSecret reports whether a key's value would be a secret.
func namesSecret(name string) bool {
	return slices.Contains(secretNames, strings.ReplaceAll(strings.ToLower(name), "-", "_"))
}

// unknownText says what to do about a key that is not known, given those that are.
func unknownText(name string, known keys) string {
	_, hasFile := known[name+"_file"]
	_, isClient := known["proxy_url"]
	near := nearest(name, known)
	switch {
	case namesSecret(name) && hasFile && name != "api_key":
		return inlineKey + name + "_file"
	case namesSecret(name) && isClient:
		return inlineKey + "the variable HTTPS_PROXY for a proxy's password"
	case namesSecret(name):
		return inlineKey + "api_key_file or api_key_env"
	case hasFile:
		return fmt.Sprintf("is not a known key; use %s_file", name)
	case near != "":
		return fmt.Sprintf("is not a known key; did you mean %q?", near)
	}
	return "is not a known key; known here are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// nearest returns the known key that is at most two typing errors away, itself first, or nothing.
func nearest(name string, known keys) string {
	if _, ok := known[name]; ok {
		return name
	}
	best, least := "", 3
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if d := distance(strings.ToLower(name), candidate); d < least && d < len(candidate)-1 {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the edit distance (Levenshtein) of two texts in bytes. A text that is far too long needs no table.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		row = nextRow(row, a[i], b, i+1)
	}
	return row[len(b)]
}

func nextRow(above []int, c byte, b string, first int) []int {
	row := make([]int, len(above))
	row[0] = first
	for j := range len(b) {
		swap := above[j]
		if c != b[j] {
			swap++
		}
		row[j+1] = min(swap, above[j+1]+1, row[j]+1)
	}
	return row
}
