package app

import (
	"context"
	"errors"
	"sync/atomic"

	"innius_exporter/internal/poller"
)

// live is the poller in force, which a reload replaces while everything else goes on. It may be used from any goroutine.
type live struct {
	current atomic.Pointer[poller.Poller]
	ready   atomic.Bool
	next    chan succession
	ended   chan struct{} // closed when run has returned
}

// succession asks for a poller under other options; done is closed when it is in force.
type succession struct {
	opts poller.Options
	done chan struct{}
}

func newLive(first *poller.Poller) *live {
	l := &live{next: make(chan succession), ended: make(chan struct{})}
	l.current.Store(first)
	return l
}

// poller returns the one in force.
func (l *live) poller() *poller.Poller { return l.current.Load() }

// run polls from a sign until ctx ends, and returns when no request is under way any more. It is called once.
func (l *live) run(ctx context.Context, begin <-chan struct{}) {
	defer close(l.ended)
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	for l.runOne(ctx) {
	}
}

// runOne lets the poller in force run until another is asked for, and reports whether that was so.
func (l *live) runOne(ctx context.Context) bool {
	polling, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.poller().Run(polling)
	}()
	select {
	case <-ctx.Done():
		<-stopped
		return false
	case s := <-l.next:
		stop()
		<-stopped
		l.current.Store(l.poller().Succeed(s.opts))
		close(s.done)
		return true
	}
}

var errStopping = errors.New("the exporter is stopping")

// replace puts a poller under other options in force. It returns an error only where the exporter ends first.
func (l *live) replace(opts poller.Options) error {
	s := succession{opts: opts, done: make(chan struct{})}
	select {
	case l.next <- s:
		<-s.done
		return nil
	case <-l.ended:
		return errStopping
	}
}

// Status implements web.Source.
func (l *live) Status() poller.Status { return l.poller().Status() }

// Ready implements web.Source. Once true it stays true: an account that a reload has added makes no exporter unready.
func (l *live) Ready() bool {
	if !l.ready.Load() && l.poller().Ready() {
		l.ready.Store(true)
	}
	return l.ready.Load()
}

// Stuck implements web.Source.
func (l *live) Stuck() string { return l.poller().Stuck() }

// Snapshot implements state.Source.
func (l *live) Snapshot() poller.Snapshot { return l.poller().Snapshot() }

// Noteworthy implements state.Source. All pollers share the channel.
func (l *live) Noteworthy() <-chan struct{} { return l.poller().Noteworthy() }
