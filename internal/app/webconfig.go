package app

import (
	"context"
	"fmt"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// checkWebConfig returns why the files of TLS and users cannot be used. The toolkit's own errors do not always say which
// file they are about.
func (e *Exporter) checkWebConfig() error {
	if err := toolkit.Validate(*e.Web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file %q: %w", *e.Web.WebConfigFile, err)
	}
	return nil
}

// webConfigInterval is how often the files are looked at: soon enough for who has just replaced a certificate.
const webConfigInterval = time.Minute

// watchWebConfig tells when the files become useless, and when they are mended, until ctx ends. The toolkit reads them at
// each connection and request; of a certificate that it cannot use it tells the client alone.
func (p *process) watchWebConfig(ctx context.Context, check func() error) {
	ticker := time.NewTicker(webConfigInterval)
	defer ticker.Stop()
	said := ""
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
		case wrong == said:
		case wrong == "":
			p.log.Info("the web config can be used again")
		default:
			p.log.Error("the web config cannot be used: new connections or requests are refused", "err", wrong)
		}
		said = wrong
	}
}
