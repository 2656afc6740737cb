package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestCutBodyIsShorterThanItsContentLength(t *testing.T) {
	withFault(t, Fault{Kind: Cut}, machinesPath, func(v *visitor, g got) {
		if !errors.Is(g.err, io.ErrUnexpectedEOF) || g.body == "" || g.status != http.StatusOK {
			v.t.Errorf("status %d, error %v after %q", g.status, g.err, g.body)
		}
	})
}

func TestResetEndsTheConnection(t *testing.T) {
	withFault(t, Fault{Kind: Reset}, machinesPath, func(v *visitor, g got) {
		if g.err == nil || g.status != 0 || v.server.Stats().Of(OpMachines, 0) != 1 {
			v.t.Errorf("status %d, error %v", g.status, g.err)
		}
	})
}

// Outside a bubble the same faults must work over TCP, as simulate serves them.
func TestResetAndCutOverTCP(t *testing.T) {
	s := New(small(), Options{})
	server := httptest.NewServer(s)
	defer server.Close()
	send := func(kind FaultKind) error {
		defer s.Inject(Fault{Kind: kind})()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+machinesPath, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.ReadAll(resp.Body)
		return err
	}
	if err := send(Reset); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	if err := send(Cut); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
}

func TestSlowDelaysAGoodResponse(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.server.Inject(Fault{Kind: Slow, Delay: 7 * time.Second})
		start := time.Now()
		v.is(v.get(machinesPath), http.StatusOK)
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("took %s", took)
		}
		if v.server.Stats().Faults[Slow] != 1 {
			t.Error("not counted")
		}
	})
}

func TestHangEndsOnlyWithTheClient(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.server.Inject(Fault{Kind: Hang})
		v.client.Timeout = 5 * time.Minute
		start := time.Now()
		g := v.get(machinesPath)
		if took := time.Since(start); !errors.Is(g.err, context.DeadlineExceeded) || took != v.client.Timeout {
			t.Errorf("error %v after %s", g.err, took)
		}
		synctest.Wait()
		if s := v.server.Stats(); s.Faults[Hang] != 1 || s.InFlight != 0 || s.MaxInFlight != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestCloseEndsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(small(), Options{Key: testKey})
		client, closeAll := s.Client()
		s.Inject(Fault{Kind: Hang})
		done := make(chan got)
		go func() { done <- (&visitor{t: t, server: s, client: client, key: testKey}).get(machinesPath) }()
		synctest.Wait()
		closeAll()
		closeAll()
		if g := <-done; g.err == nil {
			t.Errorf("status %d from a closed simulator", g.status)
		}
		if n := s.Stats().InFlight; n != 0 {
			t.Errorf("%d still in flight", n)
		}
	})
}

func TestEndlessBodyOutlastsEveryBound(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.server.Inject(Fault{Kind: EndlessBody})
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://innius.test"+machinesPath, http.NoBody)
		req.Header.Set("x-api-key", v.key)
		resp, err := v.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 9<<20))
		if n != 9<<20 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = resp.Body.Close()
		if v.server.Stats().Faults[EndlessBody] != 1 {
			t.Error("not counted")
		}
	})
}
