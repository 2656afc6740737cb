package app

import (
	"context"
	"errors"
	"sync/atomic"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/status"
)

// reloadable is the poller in force, which a reload replaces while everything else continues. It is safe for concurrent use.
type reloadable struct {
	current atomic.Pointer[poller.Poller]
	ready   atomic.Bool
	next    chan swap
	ended   chan struct{} // closed when run has returned
}

// swap requests a poller with other options; done is closed when that is in force.
type swap struct {
	opts poller.Options
	done chan struct{}
}

func newReloadable(first *poller.Poller) *reloadable {
	l := &reloadable{next: make(chan swap), ended: make(chan struct{})}
	l.current.Store(first)
	return l
}

// poller returns the one in force.
func (l *reloadable) poller() *poller.Poller { return l.current.Load() }

// run polls from begin on until ctx ends, and returns when no request is in flight. It is called once.
func (l *reloadable) run(ctx context.Context, begin <-chan struct{}) {
	defer close(l.ended)
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	for l.runOne(ctx) {
	}
}

// runOne runs the poller in force until another is requested or ctx ends, and reports whether another was.
func (l *reloadable) runOne(ctx context.Context) bool {
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
		l.current.Store(l.poller().HandOver(s.opts))
		close(s.done)
		return true
	}
}

var errStopping = errors.New("the exporter is stopping")

// replace puts a poller with other options in force. It returns an error only if the exporter ends first.
func (l *reloadable) replace(opts poller.Options) error {
	s := swap{opts: opts, done: make(chan struct{})}
	select {
	case l.next <- s:
		<-s.done
		return nil
	case <-l.ended:
		return errStopping
	}
}

// Status implements web.Source.
func (l *reloadable) Status() status.Status { return status.Of(l.poller()) }

// Ready implements web.Source. Once true it stays true: an account that a reload has added makes no exporter unready.
func (l *reloadable) Ready() bool {
	if !l.ready.Load() && l.poller().Ready() {
		l.ready.Store(true)
	}
	return l.ready.Load()
}

// Stuck implements web.Source.
func (l *reloadable) Stuck() string { return l.poller().Stuck() }

// Snapshot implements state.Source.
func (l *reloadable) Save() poller.State { return l.poller().Save() }

// Changed implements state.Source. All pollers share the channel.
func (l *reloadable) Changed() <-chan struct{} { return l.poller().Changed() }
