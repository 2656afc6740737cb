package web

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// from lets a handler see another address for each number.
func from(number int, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1234", number)
		h.ServeHTTP(w, r)
	})
}

func TestLimitConcurrencyLeavesRoomForOtherAddresses(t *testing.T) {
	entered, leave, codes := make(chan struct{}, 100), make(chan struct{}), make(chan int, 100)
	h := limitConcurrency(maxScrapes, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave }))
	var asked sync.WaitGroup
	begin := func(number int) {
		asked.Go(func() { code, _, _ := request(t, from(number, h), "GET", "/"); codes <- code })
	}
	for range 2 * maxScrapes {
		begin(1)
	}
	for range maxScrapes - maxScrapes/4 {
		<-entered
	}
	for range maxScrapes + maxScrapes/4 {
		if code := <-codes; code != http.StatusServiceUnavailable {
			t.Errorf("beyond its places: status %d", code)
		}
	}
	for number := range 3 {
		begin(number + 2)
		<-entered
	}
	close(leave)
	asked.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	for range 2 * maxScrapes {
		if code, _, _ := request(t, from(1, h), "GET", "/"); code != http.StatusOK {
			t.Errorf("a place that was left is not given again: status %d", code)
		}
	}
}
