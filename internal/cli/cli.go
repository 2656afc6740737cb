// Package cli is the command line: flags, commands and what each of them starts.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"innius_exporter/internal/app"
	"innius_exporter/internal/config"
	"innius_exporter/internal/logging"
)

// Run parses the arguments, runs the command, and returns the exit code: 0, or 1 after an error. Errors go to stderr in the
// format of the log, one line per error. It returns when the command has ended or ctx is done.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := New(stdout)
	err := c.run(ctx, args, stderr)
	switch {
	case err == nil:
		return 0
	case c.logger == nil: // the arguments are at fault; --log.format is found all the same, with = or as two of them
		named := func(format string) bool { return strings.Contains(strings.Join(args, "="), "--log.format="+format) }
		c.level, c.format = logging.Levels[0], logging.Formats[max(0, slices.IndexFunc(logging.Formats, named))]
		c.logTo(stderr)
		c.logger.Error("Invalid arguments", "err", err)
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.logger.Error("Command failed", "command", c.chosen, "err", line)
		}
	}
	c.buffer.Flush()
	return 1
}

func (c *CommandLine) run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	parsed, _ := c.ParseContext(args)
	if parsed != nil && parsed.SelectedCommand != nil && slices.Contains(args, parsed.SelectedCommand.Model().Name) {
		c.UsageTemplate(kingpin.DefaultUsageTemplate) // --help of a command shows that command only
	}
	if c.chosen, err = c.Parse(args); err != nil {
		return fmt.Errorf("%w; see --help", nameSwitch(err, args))
	}
	c.logTo(stderr)
	defer c.buffer.Flush()
	logging.RouteStandard(c.logger)
	return c.commands[c.chosen](ctx, c.logger)
}

func (c *CommandLine) logTo(stderr io.Writer) {
	c.logger, c.buffer = logging.NewBuffered(stderr, c.level, c.format)
}

// nameSwitch names the flag in the error for one that takes no value but has one: kingpin's own names the value only.
func nameSwitch(err error, args []string) error {
	if text, ok := strings.CutPrefix(err.Error(), "unexpected "); ok {
		for _, arg := range args {
			if flag, value, _ := strings.Cut(arg, "="); value == text && strings.HasPrefix(flag, "--") {
				return fmt.Errorf("%s takes no value, not %q", flag, value)
			}
		}
	}
	return err
}

// CommandLine is all flags, and the commands by name. A command returns when it has ended or ctx is done.
type CommandLine struct {
	*kingpin.Application
	level, format string
	source        config.Source
	commands      map[string]func(context.Context, *slog.Logger) error

	chosen string       // command
	logger *slog.Logger // nil until the flags are parsed
	buffer *logging.Buffer
}

// New declares all flags and commands. Help and versions go to stdout.
func New(stdout io.Writer) *CommandLine {
	c := &CommandLine{commands: map[string]func(context.Context, *slog.Logger) error{}, Application: kingpin.New(app.Name,
		"Prometheus exporter for innius: the newest reading of every sensor, as fresh as the rate limit permits.")}
	c.UsageWriter(stdout).UsageTemplate(kingpin.LongHelpTemplate)
	c.Version(version.Print(app.Name)).VersionFlag.Short('V')
	c.HelpFlag.Short('h')
	c.sourceFlags()
	choice(c.Flag("log.level", "Only log messages with the given severity or above."), &c.level, logging.Levels...)
	choice(c.Flag("log.format", "Format of log lines."), &c.format, logging.Formats...)
	c.runCommand()
	c.checkCommands(stdout)
	c.planCommand(stdout)
	c.simulateCommand()
	return c
}

// sourceFlags define where the config comes from. The key is never a flag: every user of a machine can read flags.
func (c *CommandLine) sourceFlags() {
	c.Flag("config.file", "Config file (YAML). Without one, --innius.url and a key define one account.").StringVar(&c.source.File)
	c.Flag("innius.url", "Base URL of the innius API, from its API reference.").Envar("INNIUS_URL").StringVar(&c.source.URL)
	c.Flag("innius.api-key-file", "File that holds the API key; or set the variable INNIUS_API_KEY.").StringVar(&c.source.KeyFile)
}

func (c *CommandLine) runCommand() {
	var e app.Exporter
	cmd := c.Command("run", "Poll innius and serve metrics (the default command).").Default()
	cmd.Flag("demo", "Run against a simulated API inside the process: no key, no network, no config.").BoolVar(&e.Demo)
	cmd.Flag("storage.path", "Directory of the state that survives restarts; each exporter needs its own. "+
		"Default: $STATE_DIRECTORY, which systemd sets; without both, nothing is saved.").StringVar(&e.StoragePath)
	cmd.Flag("storage.wait", "Wait while another exporter has that directory, as a standby that takes over.").BoolVar(&e.StorageWait)
	cmd.Flag("web.telemetry-path", "Path under which metrics are served.").Default("/metrics").StringVar(&e.TelemetryPath)
	cmd.Flag("web.enable-lifecycle", "Reload the config on POST /-/reload. SIGHUP always reloads it.").BoolVar(&e.Lifecycle)
	cmd.Flag("web.enable-pprof", "Serve /debug/pprof.").BoolVar(&e.Pprof)
	e.Web = kingpinflag.AddFlags(cmd, ":10466")
	c.commands[cmd.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		e.Source = c.source
		return e.Run(ctx, logger)
	}
}

func (c *CommandLine) checkCommands(stdout io.Writer) {
	check := c.Command("check", "Check a config, the innius API, or a running exporter.")

	cfg := check.Command("config", "Validate the config without network access and print what it means.")
	f := app.ConfigCheck{Planning: planFlags(cfg)}
	cfg.Flag("syntax-only", "Look up no key and none of the files that the config names, as in a pipeline.").BoolVar(&f.SyntaxOnly)
	c.commands[cfg.FullCommand()] = func(context.Context, *slog.Logger) error { return f.Run(c.source, stdout) }

	var a app.APICheck
	api := check.Command("api", "Check the API with your key, in 4 to 10 requests; "+
		"show how its responses are understood and what to set.")
	choice(api.Flag("output", "Format of the report: text, or json for programs."), &a.Output, "text", "json")
	api.Flag("all", "List all machines and sensors; prints first how many requests that takes.").BoolVar(&a.All)
	api.Flag("account", "Name of the account to check. Default: every account of the config.").StringVar(&a.Account)
	c.commands[api.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error { return a.Run(ctx, c.source, stdout) }

	var h app.HealthCheck
	health := check.Command("health", "Exit with 0 if a running exporter is healthy, else with 1.")
	health.Flag("url", "Address of its health page.").Default("http://localhost:10466/-/healthy").StringVar(&h.URL)
	health.Flag("http.config.file", "File with credentials and TLS settings for that address, in the format of promtool.").
		StringVar(&h.HTTPConfig)
	c.commands[health.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error { return h.Run(ctx) }
}

// planFlags define which sensors a plan is for.
func planFlags(cmd *kingpin.CmdClause) *app.Planning {
	p := &app.Planning{}
	cmd.Flag("sensors", "Number of sensors to plan for. Default: those in the saved state.").SetValue(count("--sensors", &p.Sensors))
	cmd.Flag("storage.path", "Directory of an exporter's state; the exporter may be running. Default: $STATE_DIRECTORY.").
		StringVar(&p.StoragePath)
	return p
}

func (c *CommandLine) planCommand(stdout io.Writer) {
	cmd := c.Command("plan", "Estimate what the rate limit permits: requests needed, cycle, ages of values, "+
		"cold start, and what to change. Sends no request and needs no key.")
	p := planFlags(cmd)
	cmd.Flag("every", "Reporting interval of each of --sensors, such as 10m. Default: shorter than it can be polled.").
		SetValue(span("--every", &p.Every))
	cmd.Flag("requests-per-hour", "Rate limit to plan with. Default: rate_limit.requests_per_hour of the config.").
		SetValue(rate("--requests-per-hour", &p.RequestsPerHour))
	cmd.Flag("demo", "Plan for the plant of --demo, whose state is in --storage.path.").BoolVar(&p.Demo)
	c.commands[cmd.FullCommand()] = func(context.Context, *slog.Logger) error { return p.Run(c.source, stdout) }
}

func (c *CommandLine) simulateCommand() {
	var s app.Simulation
	cmd := c.Command("simulate", "Serve only the simulated API, to try the exporter, dashboards and alerts with it.")
	cmd.Flag("listen-address", "Address of the simulated API.").Default("127.0.0.1:10467").StringVar(&s.Address)
	cmd.Flag("api-key", "Key that the simulated API requires.").Default("simulated").StringVar(&s.Key)
	cmd.Flag("sensors", "Number of sensors; 0: the demo plant.").SetValue(count("--sensors", &s.Sensors))
	cmd.Flag("requests-per-hour", "Requests per hour that the key may send.").Default("1000").
		SetValue(count("--requests-per-hour", &s.RequestsPerHour))
	cmd.Flag("burst", "Requests that the key may send at once after a rest.").Default("30").SetValue(count("--burst", &s.Burst))
	c.commands[cmd.FullCommand()] = s.Run
}

// value is a flag's value whose errors name what was expected; kingpin's own repeat the texts of strconv.
type value[T any] struct {
	flag  string
	to    *T
	parse func(string) (T, error)
	want  string
}

// Set implements kingpin.Value.
func (v value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return fmt.Errorf("%s: %q is not %s", v.flag, text, v.want)
	}
	*v.to = parsed
	return nil
}

// String implements kingpin.Value.
func (v value[T]) String() string { return fmt.Sprint(*v.to) }

// choice makes a flag take one of some words, the first by default.
func choice(flag *kingpin.FlagClause, to *string, words ...string) {
	parse := func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", errors.ErrUnsupported
		}
		return s, nil
	}
	flag.Default(words[0]).HintOptions(words...).
		SetValue(value[string]{"--" + flag.Model().Name, to, parse, "one of " + strings.Join(words, ", ")})
}

func count(flag string, to *int) kingpin.Value {
	return value[int]{flag, to, strconv.Atoi, "a whole number"}
}

func rate(flag string, to **float64) kingpin.Value {
	return value[*float64]{flag, to, func(s string) (*float64, error) {
		n, err := strconv.ParseFloat(s, 64)
		return &n, err
	}, "a number"}
}

func span(flag string, to *time.Duration) kingpin.Value {
	return value[time.Duration]{flag, to, func(s string) (time.Duration, error) {
		d, err := model.ParseDuration(s)
		return time.Duration(d), err
	}, "a duration such as 10m"}
}
