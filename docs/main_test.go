package docs_test

import (
	"os"
	"testing"
)

// TestMain runs the tests in the root of the repository: they read files of all parts.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
