package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

func TestWatchWebConfigLogsAFaultAndItsEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(strings.Builder)
		p := &process{log: slog.New(slog.NewTextHandler(log, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), 10*webConfigInterval)
		defer cancel()
		checks := 0
		p.watchWebConfig(ctx, func() error {
			checks++
			if checks > 2 && checks < 6 {
				return errors.New("cert.pem is no certificate")
			}
			return nil
		})
		broken, fixed := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "valid again")
		if broken != 1 || fixed != 1 || !strings.Contains(log.String(), "cert.pem is no certificate") || checks < 9 {
			t.Errorf("checked %d times, logged\n%s", checks, log)
		}
	})
}
