# A session in gdb as one would type it, after core/show/printers.py was loaded. What it prints must
# be session.txt.
set disable-randomization off
set trace-commands on

break look
run
up
info locals
set variable kept.m_shape.m_data[0] = 3
print kept

define nothing
  print *($arg0*)zeros_there
  print *($arg0*)ones_there
  print *($arg0*)numbers_there
end
nothing taper::Shape
nothing taper::Ids
nothing taper::Place<double>
nothing taper::Var<double>
nothing taper::Parameter<double>
nothing taper::Record<double>
nothing taper::Tape<double>
nothing taper::Gradients<double>

list core/engine/tape.cpp:1,1
search record.op->backward
break $_
continue
print record
step
continue
continue
print record
step
print x
print y
print dy
print gradients
search gradients.add
advance $_
print dx
up
print *this

delete 2
continue
up
info locals
print tape.records_[0]
print tape.records_[1]

break look_at
continue
up
python MOST_RECORDS = 6
print tape
print tape.records_[1]
delete
continue
