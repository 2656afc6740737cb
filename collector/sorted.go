package collector

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"innius_exporter/internal/poller/inventory"
)

// The names of the metrics that addPlant makes.
const (
	machineInfo   = "innius_machine_info"
	machineStatus = "innius_machine_status"
	machineSince  = "innius_machine_status_since_timestamp_seconds"
	sensorInfo    = "innius_sensor_info"
	sensorStatus  = "innius_sensor_status"
)

// The labels of innius_machine_info and innius_sensor_info, sorted.
var (
	machineLabels = [...]string{"company", "company_id", "company_name", "machine", "machine_id", "machine_name"}
	sensorLabels  = [...]string{
		"company", "company_id", "company_name", "machine", "machine_id", "machine_name", "sensor", "sensor_id", "sensor_name", "unit",
	}
)

// sorted is an inventory in the order in which its series are exposed: that of their label values, as in a registry. Labels
// change only with the inventory, so they are made once for each, repaired and in the form for the encoder. Immutable.
type sorted struct {
	of       *inventory.Snapshot
	machines []*machineSeries // by the labels of innius_machine_info
	sensors  []*sensorSeries  // polled, by company, machine and sensor
	info     []*sensorSeries  // the same, by the labels of innius_sensor_info
	counts   []counts         // per account
}

// counts are what an account's sensors count as, whatever their readings are.
type counts struct{ excluded, collisions int }

type machineSeries struct {
	*inventory.Machine
	labels [2]*dto.LabelPair
	info   [len(machineLabels)]*dto.LabelPair
}

type sensorSeries struct {
	*inventory.Sensor
	info [len(sensorLabels)]*dto.LabelPair
	own  [len(sensorLabels) - len(machineLabels) - 1]dto.LabelPair // unlike the others not shared with other sensors
}

func newSorted(of *inventory.Snapshot) *sorted {
	o := &sorted{of: of, counts: make([]counts, len(of.Accounts))}
	units := map[string]*dto.LabelPair{}
	for account := range of.Accounts {
		for _, m := range of.Accounts[account].Machines {
			machine := newMachineSeries(m)
			if m.FilteredBy == "" && m.ExposedBy == "" {
				o.machines = append(o.machines, machine)
			}
			n := &o.counts[account]
			n.excluded += len(m.Sensors) - len(m.Polled)
			series := make([]sensorSeries, len(m.Polled))
			for i, s := range m.Polled {
				if m.Collision || s.Collision {
					n.collisions++
				}
				if units[s.Unit] == nil {
					units[s.Unit] = repaired("unit", s.Unit, s.Unit)
				}
				series[i].fill(s, machine.info[:], units[s.Unit])
				o.sensors = append(o.sensors, &series[i])
			}
		}
	}
	o.info = slices.Clone(o.sensors)
	slices.SortFunc(o.machines, func(a, b *machineSeries) int { return compareValues(a.info[:], b.info[:]) })
	slices.SortFunc(o.sensors, func(a, b *sensorSeries) int { return compareValues(a.labels(), b.labels()) })
	slices.SortFunc(o.info, func(a, b *sensorSeries) int { return compareValues(a.info[:], b.info[:]) })
	return o
}

func newMachineSeries(m *inventory.Machine) *machineSeries {
	one := &machineSeries{Machine: m, info: [...]*dto.LabelPair{
		pair("company", m.CompanyLabel),
		repaired("company_id", m.Company.ID, m.Company.ID), repaired("company_name", m.Company.Name, m.Company.ID),
		pair("machine", m.Label), repaired("machine_id", m.ID, m.ID), repaired("machine_name", m.Name, m.ID),
	}}
	one.labels = [...]*dto.LabelPair{one.info[0], one.info[3]}
	return one
}

func (one *sensorSeries) fill(s *inventory.Sensor, machine []*dto.LabelPair, unit *dto.LabelPair) {
	one.Sensor = s
	n := copy(one.info[:], machine)
	for i, value := range []*string{&s.Label, repair(&s.Sensor.ID, s.ID), repair(&s.Name, s.ID)} {
		one.own[i].Name, one.own[i].Value = &sensorLabels[n+i], value
		one.info[n+i] = &one.own[i]
	}
	one.info[n+len(one.own)] = unit
}

// labels are company, machine and sensor.
func (one *sensorSeries) labels() []*dto.LabelPair {
	return []*dto.LabelPair{one.info[0], one.info[3], one.info[6]}
}

// repair returns the text itself unless it must be repaired, so that most labels take no memory of their own.
func repair(text *string, id string) *string {
	if value := inventory.Repair(*text, id); value != *text {
		return &value
	}
	return text
}

func pair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// repaired is a pair whose value is a text of the API that describes the object with an id.
func repaired(name, text, id string) *dto.LabelPair { return pair(name, inventory.Repair(text, id)) }

// compareValues is the order of a registry for series of the same labels.
func compareValues(a, b []*dto.LabelPair) int {
	return slices.CompareFunc(a, b, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetValue(), b.GetValue()) })
}
