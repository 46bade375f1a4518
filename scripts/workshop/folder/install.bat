@echo off
rem Installs Headstart from this folder, with no network: install.bat [FOLDER]
py -3.11 -c "" 2>nul && (py -3.11 "%~dp0install.py" %* & exit /b)
python -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" 2>nul && (python "%~dp0install.py" %* & exit /b)
echo Python 3.11 is needed, and no other version; this machine has none that a command prompt finds. README.txt says more.
exit /b 2
