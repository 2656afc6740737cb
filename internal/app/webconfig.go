package app

import (
	"context"
	"fmt"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// checkWebConfig returns why the files of TLS and users cannot be used. It adds the flag, for the toolkit's errors do not
// always name the file.
func (e *Exporter) checkWebConfig() error {
	if err := toolkit.Validate(*e.Web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file %q: %w", *e.Web.WebConfigFile, err)
	}
	return nil
}

// webConfigInterval is how often the files are checked.
const webConfigInterval = time.Minute

// watchWebConfig logs when the files can no longer be used, and when they can again, until ctx ends. The toolkit reads them
// at each connection and request, and reports a bad certificate to the client only.
func (p *process) watchWebConfig(ctx context.Context, check func() error) {
	ticker := time.NewTicker(webConfigInterval)
	defer ticker.Stop()
	reported := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wrong := ""
		if err := check(); err != nil {
			wrong = err.Error()
		}
		switch {
		case wrong == reported:
		case wrong == "":
			p.log.Info("Web config is valid again")
		default:
			p.log.Error("Web config is invalid, refusing new connections", "err", wrong)
		}
		reported = wrong
	}
}
