package innius

import (
	"runtime"
	"testing"
)

func TestDecodeRunsOneAtATime(t *testing.T) {
	decoding.Lock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = (&response{body: []byte(`{"data":[]}`)}).parse()
	}()
	for range 10_000 {
		select {
		case <-done:
			t.Fatal("two responses are decoded at once")
		default:
			runtime.Gosched()
		}
	}
	decoding.Unlock()
	<-done
}
