package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/plan"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/state"
)

// Planning is what the flags say of a plan: for which sensors, under which allowance. A plan asks innius for nothing,
// needs no key and writes nothing.
type Planning struct {
	Demo            bool
	StoragePath     string        // as of Exporter
	Sensors         int           // assumed; 0: those that are kept
	Every           time.Duration // how often an assumed sensor reports; 0: more often than it can be asked
	RequestsPerHour *float64      // in place of the config's; nil: the config's
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
	return p.write(cfg, w)
}

// The bounds of what can be planned: those of simulate and of the config.
const (
	mostSensors  = 1_000_000
	mostRequests = 10_000_000
)

func (p *Planning) check() error {
	switch {
	case p.Sensors < 0 || p.Sensors > mostSensors:
		return fmt.Errorf("--sensors must be at least 0 and at most %d, not %d", mostSensors, p.Sensors)
	case p.RequestsPerHour != nil && !(*p.RequestsPerHour > 0 && *p.RequestsPerHour <= mostRequests):
		return fmt.Errorf("--requests-per-hour must be above 0 and at most %d, not %g", mostRequests, *p.RequestsPerHour)
	case p.Every != 0 && p.Sensors == 0:
		return errors.New("--every is for sensors that are not known: give their number, --sensors=N")
	}
	return nil
}

func (p *Planning) config(source config.Source) (*config.Config, error) {
	if p.Demo {
		return demoPlan(source)
	}
	return source.LoadKeyless()
}

// write writes a plan for each account of which there is something to plan with, and says of the others that there is
// not. It returns an error where there is none at all.
func (p *Planning) write(cfg *config.Config, w io.Writer) error {
	opts := p.options(cfg)
	if err := p.know(&opts); err != nil {
		return err
	}
	for _, text := range poller.Unmatched(opts) {
		fmt.Fprintf(w, "In the config: %s of what was known at %s.\n\n", text, opts.Kept.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	plans := poller.Plans(opts)
	if !slices.ContainsFunc(plans, func(made poller.Plan) bool { return made.Sensors > 0 }) {
		return errors.New(unknown(plans[0], opts.Kept.At))
	}
	for i, made := range plans {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if made.Sensors == 0 {
			fmt.Fprintln(w, unknown(made, opts.Kept.At))
			continue
		}
		p.page(made, cfg, i, opts.Kept.At).Write(w)
	}
	return nil
}

// unknown says why there is no plan of an account.
func unknown(made poller.Plan, at time.Time) string {
	why := fmt.Sprintf("no sensor was known at %s, and an exporter keeps what it knows every minute", at.UTC().Format("2006-01-02 15:04 UTC"))
	if made.Excluded+made.ExcludedMachines > 0 {
		why = fmt.Sprintf("all that is known is filtered, or another account's: sensors: %d, whole machines: %d", made.Excluded, made.ExcludedMachines)
	}
	return fmt.Sprintf("account %q: no sensor is known to ask for: %s; --sensors=N plans with so many", made.Account, why)
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
		page.Ignored = len(d.Machines.Include)+len(d.Machines.Exclude)+len(d.Sensors.Include)+len(d.Sensors.Exclude)+len(cfg.Sensors) > 0
	}
	return page
}

// options are what the config means to the collector, but for clients: nothing is asked.
func (p *Planning) options(cfg *config.Config) poller.Options {
	opts := settings(cfg)
	for i := range cfg.Accounts {
		a := &cfg.Accounts[i]
		if p.RequestsPerHour != nil {
			a.RateLimit.RequestsPerHour = *p.RequestsPerHour
		}
		account := poller.Account{Name: a.Name, Origin: origin(a, p.Demo), Pacer: pacer(a), Company: company(a)}
		opts.Accounts = append(opts.Accounts, account)
	}
	return opts
}

// know puts into the options which sensors there are.
func (p *Planning) know(opts *poller.Options) error {
	if p.Sensors > 0 {
		p.assume(opts)
		return nil
	}
	dir := storagePath(p.StoragePath, p.Demo)
	if dir == "" {
		return errNoSensors
	}
	kept, err := state.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("nothing is kept in %q (yet): %w", dir, errNoSensors)
	case err != nil:
		return err
	}
	if opts.Kept = kept; p.RequestsPerHour != nil {
		forgetAllowance(kept)
	}
	return mine(kept, opts.Accounts, dir)
}

// forgetAllowance drops what was learned of an allowance that the plan is not for.
func forgetAllowance(kept *poller.Snapshot) {
	for i := range kept.Accounts {
		kept.Accounts[i].Allowance = nil
	}
}

// errNoSensors says how to get a plan.
var errNoSensors = errors.New("a plan needs to know the sensors: let it read what an exporter keeps (--storage.path), " +
	"or give their number (--sensors=N)")

// assume makes up sensors. Which of them filters and rules would match is not known, so there are none.
func (p *Planning) assume(opts *poller.Options) {
	opts.Machines, opts.Sensors, opts.Rules = poller.Filter{}, poller.Filter{}, nil
	every := p.Every
	if every == 0 {
		every = time.Second
	}
	opts.Kept = &poller.Snapshot{At: time.Now()}
	for _, a := range opts.Accounts {
		opts.Kept.Accounts = append(opts.Kept.Accounts, poller.Assume(a, p.Sensors, every, opts.Kept.At))
	}
}

// mine returns an error where nothing is kept of any of these accounts.
func mine(kept *poller.Snapshot, accounts []poller.Account, dir string) error {
	var others []string
	for _, k := range kept.Accounts {
		if slices.ContainsFunc(accounts, k.Of) {
			return nil
		}
		others = append(others, fmt.Sprintf("%q of %s", k.Name, k.Origin))
	}
	return fmt.Errorf("what is kept in %q is of other accounts (%s) than the config's, by name or by the host of the url; "+
		"give the exporter's --config.file or --innius.url", dir, strings.Join(others, ", "))
}

// demoPlan is the config of the demo, whose API is not needed.
func demoPlan(source config.Source) (*config.Config, error) {
	if source != (config.Source{}) {
		return nil, errDemoConfig
	}
	return demoConfigOf(nil, innius.Secret{}), nil
}
