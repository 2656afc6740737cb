package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/google/licensecheck"
)

// permitted are the licences, by their SPDX names, that require no more than to be named.
var permitted = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC"}

// known is how much of a file must be the text of licences, in percent. The rest is who holds the copyright, or a preface.
const known = 75

// judge returns the licences that a file holds, or an error where one is not permitted or the file holds something else.
func judge(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found := licensecheck.Scan(text)
	if len(found.Match) == 0 || found.Percent < known {
		return nil, fmt.Errorf("%s holds no licence that is known: %.0f %% of it are", file, found.Percent)
	}
	var ids []string
	for _, m := range found.Match {
		if !slices.Contains(permitted, m.ID) {
			return nil, fmt.Errorf("%s: %s is not permitted", file, m.ID)
		}
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
