package app

import (
	"fmt"
	"io"
	"os"

	"innius_exporter/internal/config"
)

// CheckConfig validates a config without network and prints what it means, with a plan if sensors are known.
func CheckConfig(source config.Source, p *Planning, w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	cfg, err := source.Load(os.Getenv)
	if err != nil {
		return err
	}
	if source.File != "" {
		fmt.Fprintf(w, "%s is valid.\n\n", source.File)
	}
	cfg.Explain(w)
	fmt.Fprintln(w)
	if err := p.write(cfg, w); err != nil {
		fmt.Fprintf(w, "no plan: %v\n", err)
	}
	return nil
}
