package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/common/version"

	"innius_exporter/internal/config"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/remotewrite"
	"innius_exporter/internal/status"
)

var errNoSpool = errors.New("remote_write needs --storage.path: a directory for readings that are not sent yet")

// setReceivers puts the receivers of a config in force, and lets the poller deliver to them.
func (p *process) setReceivers(ctx context.Context, cfg *config.Config, opts *poller.Options) error {
	switch {
	case p.writer == nil && len(cfg.RemoteWrite) == 0:
		return nil
	case p.writer == nil:
		return errNoSpool
	}
	receivers := make([]remotewrite.Receiver, len(cfg.RemoteWrite))
	for i, r := range cfg.RemoteWrite {
		for _, warning := range r.Warnings() {
			p.warnOnce(p.log, "receiver", r.Name, warning)
		}
		transport, err := r.HTTPClient.Transport()
		if err != nil {
			return fmt.Errorf("remote_write %q: %w", r.Name, err)
		}
		receivers[i] = remotewrite.Receiver{
			Name: r.Name, URL: r.URL.URL(), Labels: r.ExternalLabels, Headers: r.Headers, Transport: transport, Timeout: r.Timeout,
			Spool: int64(r.Spool), UserAgent: Name + "/" + cmp.Or(version.Version, "unstamped"), Authorization: r.HTTPClient.Header,
		}
	}
	if err := p.writer.Configure(ctx, receivers); err != nil {
		return err
	}
	if len(receivers) > 0 {
		opts.Deliver = p.writer
	}
	return nil
}

// receivers returns the status of each receiver.
func (p *process) receivers() []status.Receiver {
	if p.writer == nil {
		return nil
	}
	var all []status.Receiver
	for _, s := range p.writer.Status() {
		all = append(all, status.Receiver{
			Name: s.Name, Pending: s.Pending, OldestPending: s.Oldest, LastSuccess: s.LastSuccess, LastError: s.LastError,
			LastErrorAt: s.LastErrorAt, Accepted: s.Accepted, Refused: s.Refused, Dropped: s.Dropped,
		})
	}
	return all
}
