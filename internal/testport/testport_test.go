package testport

import (
	"net"
	"testing"
)

func TestFreeReturnsAnAddressOnceUntilTheTestEnds(t *testing.T) {
	given := map[string]bool{}
	for range 300 {
		address := Free(t)
		if given[address] {
			t.Fatalf("%s was returned twice", address)
		}
		given[address] = true
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}
