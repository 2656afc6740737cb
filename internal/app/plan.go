package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/match"
	"innius_exporter/internal/plan"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/state"
)

// Planning holds the flags of a plan. A plan sends no request, needs no key and writes no file.
type Planning struct {
	Demo            bool
	StoragePath     string        // as in Exporter
	Sensors         int           // assumed; 0: those of the saved state
	Every           time.Duration // reporting interval of assumed sensors; 0: shorter than the time between two polls
	RequestsPerHour *float64      // instead of the config's; nil: the config's
}

// Run writes the plan of each account.
func (p *Planning) Run(source config.Source, w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	cfg, err := p.config(source)
	if err != nil {
		return err
	}
	_, err = p.write(cfg, w)
	return err
}

const (
	maxSensors         = 1_000_000  // assumed or simulated
	maxRequestsPerHour = 10_000_000 // as in the config
)

func (p *Planning) check() error {
	switch {
	case p.Sensors < 0 || p.Sensors > maxSensors:
		return fmt.Errorf("--sensors must be at least 0 and at most %d, not %d", maxSensors, p.Sensors)
	case p.RequestsPerHour != nil && !(*p.RequestsPerHour > 0 && *p.RequestsPerHour <= maxRequestsPerHour):
		return fmt.Errorf("--requests-per-hour must be above 0 and at most %d, not %g", maxRequestsPerHour, *p.RequestsPerHour)
	case p.Every != 0 && p.Sensors == 0:
		return errors.New("--every needs the number of assumed sensors: --sensors=N")
	}
	return nil
}

func (p *Planning) config(source config.Source) (*config.Config, error) {
	switch {
	case !p.Demo:
		return source.LoadKeyless(os.Getenv)
	case source != (config.Source{}):
		return nil, errDemoConfig
	}
	return demoConfigOf(nil, innius.Secret{}), nil // without its API
}

// write writes the plan of each account, or why there is none, and returns the plans. It returns an error if no account has one.
func (p *Planning) write(cfg *config.Config, w io.Writer) ([]poller.Plan, error) {
	opts := p.options(cfg)
	if err := p.addSensors(&opts); err != nil {
		return nil, err
	}
	for _, text := range poller.Unmatched(opts) {
		fmt.Fprintf(w, "In the config: %s of those known at %s.\n\n", text, humanize.Time(opts.State.At))
	}
	plans := poller.Plans(opts)
	if !slices.ContainsFunc(plans, func(made poller.Plan) bool { return made.Sensors > 0 }) {
		return nil, errors.New(noPlan(plans[0], opts.State.At))
	}
	for i, made := range plans {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if made.Sensors == 0 {
			fmt.Fprintln(w, noPlan(made, opts.State.At))
			continue
		}
		p.page(made, cfg, i, opts.State.At).Write(w)
	}
	return plans, nil
}

// noPlan is why an account has no plan.
func noPlan(made poller.Plan, at time.Time) string {
	why := fmt.Sprintf("none was known at %s; an exporter saves its state every minute", humanize.Time(at))
	if made.Excluded+made.ExcludedMachines > 0 {
		why = fmt.Sprintf("all are excluded, or polled by another account: %s, %s as a whole",
			humanize.Plural(made.Excluded, "sensor"), humanize.Plural(made.ExcludedMachines, "machine"))
	}
	return fmt.Sprintf("account %q: no sensor to plan for: %s. --sensors=N assumes a number.", made.Account, why)
}

func (p *Planning) page(made poller.Plan, cfg *config.Config, account int, at time.Time) plan.Page {
	limit := cfg.Accounts[account].RateLimit
	page := plan.Page{
		Plan: made, RequestsPerHour: limit.RequestsPerHour, Share: limit.Share, Every: p.Every,
		MinInterval: cfg.Refresh.MinInterval, MaxInterval: cfg.Refresh.MaxInterval,
	}
	if p.Sensors == 0 {
		page.Known = at
	} else {
		d := cfg.Discovery
		filters := len(d.Machines.Include) + len(d.Machines.Exclude) + len(d.Sensors.Include) + len(d.Sensors.Exclude)
		page.Ignored = filters+len(cfg.Sensors) > 0
	}
	return page
}

// options are the options of the poller without clients: no request is sent.
func (p *Planning) options(cfg *config.Config) poller.Options {
	opts := settings(cfg)
	for i := range cfg.Accounts {
		a := &cfg.Accounts[i]
		if p.RequestsPerHour != nil {
			a.RateLimit.RequestsPerHour = *p.RequestsPerHour
		}
		opts.Accounts = append(opts.Accounts, newAccount(a, p.Demo))
	}
	return opts
}

// addSensors adds the assumed sensors to the options, or those of the saved state.
func (p *Planning) addSensors(opts *poller.Options) error {
	if p.Sensors > 0 {
		p.assume(opts)
		return nil
	}
	dir := storagePath(p.StoragePath, p.Demo)
	if dir == "" {
		return errNoSensors
	}
	saved, err := state.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%q contains no state yet: %w", dir, errNoSensors)
	case err != nil:
		return err
	}
	if opts.State = saved; p.RequestsPerHour != nil {
		for i := range saved.Accounts {
			saved.Accounts[i].Learned = nil // it was learned for another rate limit
		}
	}
	return checkAccounts(saved, opts.Accounts, dir)
}

var errNoSensors = errors.New("a plan needs the sensors: read them from the state of an exporter (--storage.path), " +
	"or give their number (--sensors=N)")

// assume adds assumed sensors. Filters and rules are dropped: which of the sensors they match is not known.
func (p *Planning) assume(opts *poller.Options) {
	opts.Machines, opts.Sensors, opts.Rules = match.Filter{}, match.Filter{}, nil
	every := p.Every
	if every == 0 {
		every = time.Second
	}
	opts.State = &poller.State{At: time.Now()}
	for _, a := range opts.Accounts {
		opts.State.Accounts = append(opts.State.Accounts, poller.Assume(a, p.Sensors, every, opts.State.At))
	}
}

// checkAccounts returns an error if the saved state has none of the accounts.
func checkAccounts(saved *poller.State, accounts []poller.Account, dir string) error {
	var others []string
	for _, k := range saved.Accounts {
		if slices.ContainsFunc(accounts, k.Of) {
			return nil
		}
		others = append(others, fmt.Sprintf("%q of %s", k.Name, k.Origin))
	}
	return fmt.Errorf("the state in %q is of other accounts (%s), by name or by the host of the url. "+
		"Use the --config.file or --innius.url of the exporter", dir, strings.Join(others, ", "))
}
