package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	commonconfig "github.com/prometheus/common/config"
)

// HealthCheck checks whether a running exporter is healthy, for containers without a shell.
type HealthCheck struct {
	URL        string
	HTTPConfig string // file with credentials and TLS, as promtool takes it; empty: none
}

// Run returns an error unless the exporter responds with 200 within 5 s.
func (h *HealthCheck) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := h.client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no response: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024)) // the status code is sufficient
		return fmt.Errorf("unhealthy: status %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
	}
	return nil
}

func (h *HealthCheck) client() (*http.Client, error) {
	if h.HTTPConfig == "" {
		return &http.Client{}, nil
	}
	cfg, _, err := commonconfig.LoadHTTPConfigFile(h.HTTPConfig)
	if err != nil {
		return nil, fmt.Errorf("--http.config.file: %w", err)
	}
	return commonconfig.NewClientFromConfig(*cfg, "health")
}
