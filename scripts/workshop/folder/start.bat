@echo off
rem Starts Headstart, or a room of it: start.bat [room]
cd /d "%~dp0app" || exit /b 1
if "%1"=="room" (..\python\Scripts\python.exe -m engines %* & exit /b)
..\python\Scripts\python.exe -m streamlit run app.py --server.showEmailPrompt=false %*
