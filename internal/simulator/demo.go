package simulator

import (
	"math"
	"strconv"
	"time"
)

// Demo is a believable plant: nine machines, with sensors of paces from 1 s to 1 h. Its values move like physics and are
// a pure function of sensor and time. start is when the demo begins: readings do not depend on when they are requested,
// so what is old at a demo's start is fixed by it. Besides what is healthy there are
//
//   - a conveyor that is off: all its readings end three days before start,
//   - a sensor that fell silent two days before start, and one that never reported,
//   - a machine that reports only while it works, so its readings are up to 16 hours old,
//   - a sensor named State that sends RUN, STOP or FAULT, and two sensors of one machine that share a name,
//   - names with quotes, umlauts and slashes, and a machine whose id holds a slash and a space.
//
// At any moment all other sensors have a number that is less than 24 hours old.
func Demo(start time.Time) Plant {
	off := start.Add(-3 * day)
	return Plant{Company: Company{
		ID: "brink-metaal.example", Name: "Brink Metaal & Zn. B.V.",
		Machines: []Machine{
			press(), mill(), moulder(), compressor(), mixer(),
			conveyor().until(off), turbine(), oven(), chiller(start),
		},
	}}
}

// DemoLimits are limits that make the rate limit matter: the burst covers the first look at everything in Demo (one
// request for the company, one for the machines, one a machine and one a sensor), and what follows is far too little to
// poll every sensor at its own reporting interval.
func DemoLimits() Limits {
	return Limits{Kind: TokenBucket, PerHour: 1200, Burst: 100, MaxPage: 100}
}

// probe is one numeric sensor of a demo machine.
type probe struct {
	name, unit string
	every      time.Duration
	decimals   int     // that are shown
	rough      float64 // noise of the measurement, relative to the value
	signal     signal
}

// equip gives a machine its sensors. Ids, places in the period and delays follow from the names.
func (m Machine) equip(probes ...probe) Machine {
	for _, p := range probes {
		s := m.sensor(p.name, p.unit, p.every)
		s.Value = p.measure(s.ID)
		m.Sensors = append(m.Sensors, s)
	}
	return m
}

// sensor makes a sensor without values. Its number in the machine is part of its id: names need not be unique.
func (m Machine) sensor(name, of string, every time.Duration) Sensor {
	id := uuid(m.ID + "/" + name + "/" + strconv.Itoa(len(m.Sensors)))
	place, late := ratio(mix(textHash(id), 1)), ratio(mix(textHash(id), 2))
	return Sensor{
		ID: id, Name: name, Unit: of, Period: every,
		Phase: time.Duration(place * float64(every)).Truncate(time.Millisecond),
		Delay: time.Duration(100+900*late) * time.Millisecond,
	}
}

// measure reads a signal through an instrument: with its noise, rounded to what it shows.
func (p probe) measure(id string) func(time.Time) any {
	grain, scale := noise(id), math.Pow10(p.decimals)
	return func(at time.Time) any {
		v := p.signal(at) * (1 + p.rough*grain(at))
		return math.Round(v*scale)/scale + 0 // -0 would be shown as such
	}
}

// where adds a condition to all readings of a machine.
func (m Machine) where(exists func(time.Time) bool) Machine {
	for i := range m.Sensors {
		m.Sensors[i].Exists = exists
	}
	return m
}

// until ends all readings of a machine.
func (m Machine) until(end time.Time) Machine {
	return m.where(func(at time.Time) bool { return at.Before(end) })
}

// The units of the demo. Counts have none, written "1" as UCUM does, or "pcs".
const (
	celsius = "°C"
	bar     = "bar"
	ampere  = "A"
	perMin  = "rpm"
	shake   = "mm/s"
	percent = "%"
	pieces  = "pcs"
	number  = "1"
)

// motor is what turns: speed, and what follows from it.
type motor struct {
	name    string
	work    schedule
	nominal float64 // rpm
}

// turning is the speed as a share of the nominal one: it runs up and down within half a minute, and wavers a little.
func (m motor) turning() signal {
	return m.work.heat(8 * time.Second).times(drift(m.name+" speed", 30*time.Second).scaled(0.008, 1))
}

func (m motor) speed() signal { return m.turning().scaled(m.nominal, 0) }

// vibration grows with the square of the speed, and slowly with the wear of the bearings.
func (m motor) vibration(healthy float64) signal {
	wear := sawtooth(m.name+" bearing", 90*day).scaled(-0.6, 1.6)
	tremble := drift(m.name+" tremble", 40*time.Second).scaled(0.12, 1)
	return m.turning().power(2).times(wear).times(tremble).scaled(healthy, 0.08)
}

// load is the share of the nominal load: 0 at rest, else between low and 1, changing with the work.
func (m motor) load(low float64) signal {
	middle, swing := (1+low)/2, (1-low)/2
	return m.turning().times(drift(m.name+" load", 90*time.Second).scaled(swing, middle)).clamp(0, 1)
}

// warming is the temperature of a part: that of the hall at rest, and a rise that the work brings with a time constant.
func (m motor) warming(rise float64, constant time.Duration) signal {
	return signal(ambient).plus(m.work.heat(constant).scaled(rise, 0))
}

// count adds up the work: so many an hour.
func (m motor) count(perHour float64) signal {
	return func(at time.Time) float64 { return math.Floor(m.work.worked(at).Hours() * perHour) }
}
