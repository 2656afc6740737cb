package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

func TestABrokenWebConfigIsToldOnceAndSoIsItsMending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(strings.Builder)
		p := &process{log: slog.New(slog.NewTextHandler(log, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), 10*webConfigInterval)
		defer cancel()
		asked := 0
		p.watchWebConfig(ctx, func() error {
			asked++
			if asked > 2 && asked < 6 {
				return errors.New("cert.pem is no certificate")
			}
			return nil
		})
		broken, mended := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "can be used again")
		if broken != 1 || mended != 1 || !strings.Contains(log.String(), "cert.pem is no certificate") || asked < 9 {
			t.Errorf("looked %d times, logged\n%s", asked, log)
		}
	})
}
