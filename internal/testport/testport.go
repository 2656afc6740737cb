// Package testport gives tests the addresses of servers that are to start later, or never.
package testport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Free returns an address of the loopback on which nothing listens. Until the test ends, no other test gets it: its UDP port is
// taken, in place of the TCP port, which the test needs. The system hands out higher ports by itself.
func Free(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		var taken net.PacketConn
		if taken, err = new(net.ListenConfig).ListenPacket(t.Context(), "udp", address); err != nil {
			continue
		}
		t.Cleanup(func() { _ = taken.Close() })
		var unused net.Listener
		if unused, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			_ = unused.Close()
			return address
		}
	}
	t.Fatal(err)
	return ""
}
