package config

const neverMatches = "can never match: a number needs no rule, an empty text has none, and white space around a text is removed"

// badPlant are the mistakes in discovery, refresh, rules and labels.
func badPlant() []badConfig {
	return []badConfig{
		{"bad-include-empty.yml", "5: discovery.sensors.exclude[0]: must not be empty"},
		{"bad-include-null.yml", "5: discovery.sensors.exclude[0]: has no value; it must be a text"},
		{"bad-include-regexp.yml", `9: discovery.machines.include[1]: "x[" is no valid regular expression (RE2): missing closing ]`},
		{"bad-include-scalar.yml", "7: discovery.machines.include: must be a list, not a single value"},
		{"bad-interval-short.yml", "5: discovery.interval: must be at least 1m, not 30s"},
		{"bad-labels-long-value.yml", `5: labels: must be name or id, not "<secret>"`},
		{"bad-labels.yml", `5: labels: must be name or id, not "names"`},
		{"bad-max-age-short.yml", "6: sensors[0].max_age: must be at least 1s, not 999ms"},
		{"bad-max-below-default-min.yml", "5: refresh.max_interval: must be at least min_interval (10s), not 5s"},
		{"bad-max-below-min.yml", "6: refresh.max_interval: must be at least min_interval (2m), not 1m"},
		{"bad-min-above-default-max.yml", "5: refresh.min_interval: must be at most max_interval (1h by default), not 2h"},
		{"bad-min-interval-short.yml", "5: refresh.min_interval: must be at least 1s, not 100ms"},
		{"bad-regexp-unbalanced.yml", `6: sensors[0].machine: "a)|(b" is no valid regular expression (RE2): unexpected )`},
		{"bad-rule-empty.yml", "6: sensors[0]: is empty, and would keep every sensor from the rules below; fill it or remove it"},
		{"bad-rule-scalar.yml", "5: sensors[0]: must be a mapping of keys, not a single value"},
		{"bad-rule-stale-auto.yml", `6: sensors[0].stale_after: must be a duration such as 90s, 15m, 1h30m or 1d, not "auto"`},
		{"bad-rule-unknown.yml", `6: sensors[0].machines: is not a known key; did you mean "machine"?`},
		{"bad-stale-after-short.yml", "5: refresh.stale_after: must be at least 1m, not 30s"},
		{"bad-stale-after-text.yml", `5: refresh.stale_after: must be a duration such as 90s, 15m, 1h30m or 1d, not "never"`},
		{"bad-values-blank.yml", `6: sensors[0].values[" RUN"]: ` + neverMatches},
		{"bad-values-empty.yml", `6: sensors[0].values[""]: ` + neverMatches},
		{"bad-values-inf.yml", `6: sensors[0].values.RUN: must be a number, not ".inf"`},
		{"bad-values-list.yml", "6: sensors[0].values: must be a mapping of keys, not a list"},
		{"bad-values-nan.yml", "6: sensors[0].values.NaN: " + neverMatches},
		{"bad-values-number.yml", `6: sensors[0].values["12"]: ` + neverMatches},
		{"bad-values-secret-like.yml", `6: sensors[0].values["<secret>"]: must be a number, not "x"`},
		{"bad-values-text.yml", `6: sensors[0].values["to stop"]: must be a number, not "x"`},
		{"bad-values-twice.yml", "6: sensors[0].values.RUN: stands here a second time; the first is in line 6"},
		{"bad-weight-large.yml", "6: sensors[0].weight: must be at most 1000, not 1001"},
		{"bad-weight-zero.yml", "6: sensors[0].weight: must be above 0, not 0"},
	}
}
